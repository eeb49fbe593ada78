// @ts-check
// Mouse, pen and finger on one plane.

import { TOOLS } from "../tools/index.js";
import { gripAt, gripping } from "../tools/marking.js";
import { fingersOn } from "./fingers.js";
import { listenToWheel } from "./wheel.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Drag} Drag */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("../view.js").Place} Place */
/** @typedef {import("../view.js").View} View */

/** @typedef {import("../compared.js").Seen} Seen */

/**
 * Where the pointer is over a plane, or null where it is over none. `hasTip`: whether something may be said beside it.
 * @typedef {Seen & { canvas: HTMLCanvasElement, x: number, y: number, hasTip: boolean } | null} Pointer
 */

const LEFT = 0;
const REACH_PX = 8; // so near to a mark the pointer grips it

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(x: number) => Seen} seenAt  what is seen at a place of the canvas
 * @param {(pointer: Pointer) => void} hover
 */
export function listenToPointer(canvas, seenAt, hover) {
  const fingers = fingersOn(seenAt);
  /** What has changed with the last two presses, and how it was before. @type {{ view: View, place: Place }[]} */
  const before = [];
  /** @type {{ tool: Pick<Tool, "start" | "drag" | "end">, seen: Seen, x: number, y: number } | null} */
  let held = null;

  const dragAt = (/** @type {MouseEvent} */ { offsetX: x, offsetY: y }, from = { x, y }) => {
    const { view, plane } = held?.seen ?? seenAt(x);
    const { volume } = view;
    return volume && { view, plane, volume, x, y, dx: x - from.x, dy: y - from.y };
  };
  const activate = (/** @type {MouseEvent} */ { offsetX: x }) => {
    const seen = held?.seen ?? seenAt(x);
    seen.view.activate(seen.plane);
    return seen;
  };

  canvas.addEventListener("pointerdown", (event) => {
    const seen = activate(event);
    before.push({ view: seen.view, place: seen.view.place });
    before.splice(0, before.length - 2);
    canvas.focus({ preventScroll: true });
    const drag = dragAt(event);
    if (!drag) return;
    canvas.setPointerCapture(event.pointerId);
    const { x, y } = drag;
    if (event.pointerType === "touch") return fingers.down(event.pointerId, x, y);
    const grip = event.button === LEFT && gripAt(drag, REACH_PX);
    const tool = TOOLS.find(({ button }) => button === event.button) ?? seen.view.tool;
    held = { tool: grip ? gripping(grip, drag) : tool, seen, x, y };
    held.tool.start?.(drag);
  });

  canvas.addEventListener("pointerenter", activate); // keys go to it before the pointer moves
  canvas.addEventListener("pointermove", (event) => {
    const { offsetX: x, offsetY: y } = event;
    const seen = activate(event);
    hover({ ...seen, canvas, x, y, hasTip: event.pointerType !== "touch" && !held });
    if (event.pointerType === "touch") return fingers.move(event.pointerId, x, y);
    const drag = dragAt(event, held ?? undefined);
    if (!drag) return;
    if (held) {
      held.tool.drag(drag);
      held = { ...held, x, y };
    } else {
      canvas.toggleAttribute("data-grip", gripAt(drag, REACH_PX) !== null);
      seen.view.tool.hover?.(drag);
    }
  });

  const letGo = (/** @type {PointerEvent} */ event) => {
    const drag = dragAt(event);
    if (drag) held?.tool.end?.(drag);
    held = null;
    if (event.type === "pointerup") fingers.up(event.pointerId);
    else fingers.cancel(event.pointerId);
  };
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", (event) => {
    // The two presses have moved the crosshair or made a mark, which is not what they were for.
    for (const { view, place } of [...before].reverse()) view.goTo(place);
    const { view, plane } = seenAt(event.offsetX);
    view.settings.maximise(plane);
  });
  listenToWheel(canvas, seenAt, hover);
}
