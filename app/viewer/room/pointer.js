// @ts-check
// Mouse, pen and finger on one plane.

import { TOOLS } from "../tools/index.js";
import { fingersOn } from "./fingers.js";
import { listenToWheel } from "./wheel.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("../view.js").View} View */

/**
 * Where the pointer is over a plane, or null where it is over none.
 * @typedef {{ plane: Plane, x: number, y: number } | null} Pointer
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {View} view
 * @param {(pointer: Pointer) => void} hover
 */
export function listenToPointer(canvas, plane, view, hover) {
  const fingers = fingersOn(plane, view);
  const before = [view.place, view.place]; // the last two presses
  /** @type {{ tool: Tool, x: number, y: number } | null} */
  let held = null;

  canvas.addEventListener("pointerdown", (event) => {
    before.push(view.place);
    before.shift();
    view.activate(plane);
    canvas.focus({ preventScroll: true });
    if (!view.volume) return;
    canvas.setPointerCapture(event.pointerId);
    const { offsetX: x, offsetY: y } = event;
    if (event.pointerType === "touch") return fingers.down(event.pointerId, x, y);
    held = { tool: TOOLS.find(({ button }) => button === event.button) ?? view.tool, x, y };
    held.tool.start?.({ view, plane, volume: view.volume, x, y, dx: 0, dy: 0 });
  });

  canvas.addEventListener("pointerenter", () => view.activate(plane)); // keys go to it before the pointer moves
  canvas.addEventListener("pointermove", (event) => {
    const { offsetX: x, offsetY: y } = event;
    view.activate(plane);
    hover({ plane, x, y });
    if (event.pointerType === "touch") return fingers.move(event.pointerId, x, y);
    if (!held || !view.volume) return;
    const { tool } = held;
    tool.drag({ view, plane, volume: view.volume, x, y, dx: x - held.x, dy: y - held.y });
    held = { tool, x, y };
  });

  const letGo = (/** @type {PointerEvent} */ event) => {
    held = null;
    if (event.type === "pointerup") fingers.up(event.pointerId);
    else fingers.cancel(event.pointerId);
  };
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => {
    view.goTo(before[0]); // the two presses have moved the crosshair, which is not what they were for
    view.maximise(plane);
  });
  listenToWheel(canvas, plane, view, hover);
}
