// @ts-check
// Mouse, pen and finger on one plane.

import { TOOLS } from "../tools/index.js";
import { gripAt, gripping } from "../tools/marking.js";
import { fingersOn } from "./fingers.js";
import { listenToWheel } from "./wheel.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Drag} Drag */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("../view.js").View} View */

/**
 * Where the pointer is over a plane, or null where it is over none. `hasTip`: whether something may be said beside it.
 * @typedef {{ plane: Plane, x: number, y: number, hasTip: boolean } | null} Pointer
 */

const LEFT = 0;
const REACH_PX = 8; // so near to a mark the pointer grips it

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {View} view
 * @param {(pointer: Pointer) => void} hover
 */
export function listenToPointer(canvas, plane, view, hover) {
  const fingers = fingersOn(plane, view);
  const before = [view.place, view.place]; // the last two presses
  /** @type {{ tool: Pick<Tool, "start" | "drag" | "end">, x: number, y: number } | null} */
  let held = null;

  const dragAt = (/** @type {MouseEvent} */ { offsetX: x, offsetY: y }, from = { x, y }) => {
    const { volume } = view;
    return volume && { view, plane, volume, x, y, dx: x - from.x, dy: y - from.y };
  };

  canvas.addEventListener("pointerdown", (event) => {
    before.push(view.place);
    before.shift();
    view.activate(plane);
    canvas.focus({ preventScroll: true });
    const drag = dragAt(event);
    if (!drag) return;
    canvas.setPointerCapture(event.pointerId);
    const { x, y } = drag;
    if (event.pointerType === "touch") return fingers.down(event.pointerId, x, y);
    const grip = event.button === LEFT && gripAt(drag, REACH_PX);
    const tool = TOOLS.find(({ button }) => button === event.button) ?? view.tool;
    held = { tool: grip ? gripping(grip, drag) : tool, x, y };
    held.tool.start?.(drag);
  });

  canvas.addEventListener("pointerenter", () => view.activate(plane)); // keys go to it before the pointer moves
  canvas.addEventListener("pointermove", (event) => {
    const { offsetX: x, offsetY: y } = event;
    view.activate(plane);
    hover({ plane, x, y, hasTip: event.pointerType !== "touch" && !held });
    if (event.pointerType === "touch") return fingers.move(event.pointerId, x, y);
    const drag = dragAt(event, held ?? undefined);
    if (!drag) return;
    if (held) {
      held.tool.drag(drag);
      held = { ...held, x, y };
    } else {
      canvas.toggleAttribute("data-grip", gripAt(drag, REACH_PX) !== null);
      view.tool.hover?.(drag);
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
  canvas.addEventListener("dblclick", () => {
    view.goTo(before[0]); // the two presses have moved the crosshair or made a mark, which is not what they were for
    view.maximise(plane);
  });
  listenToWheel(canvas, plane, view, hover);
}
