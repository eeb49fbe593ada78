// @ts-check
// Mouse, pen and finger on one plane.

import { TOOLS } from "../tools/index.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("../view.js").View} View */

/**
 * Where the pointer is over a plane, or null where it is over none.
 * @typedef {{ plane: Plane, x: number, y: number } | null} Pointer
 */

const WHEEL_NOTCH = 40;
const WHEEL_ZOOM = 400; // a wheel that turns so far zooms by e

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {View} view
 * @param {(pointer: Pointer) => void} hover
 */
export function listenToPointer(canvas, plane, view, hover) {
  /** @type {{ tool: Tool, x: number, y: number } | null} */
  let held = null;

  canvas.addEventListener("pointerdown", (event) => {
    view.active = plane;
    canvas.focus({ preventScroll: true });
    if (!view.volume) return;
    canvas.setPointerCapture(event.pointerId);
    const { offsetX: x, offsetY: y } = event;
    held = { tool: TOOLS.find(({ button }) => button === event.button) ?? view.tool, x, y };
    held.tool.start?.({ view, plane, volume: view.volume, x, y, dx: 0, dy: 0 });
  });

  canvas.addEventListener("pointermove", ({ offsetX: x, offsetY: y }) => {
    hover({ plane, x, y });
    if (!held || !view.volume) return;
    const { tool } = held;
    tool.drag({ view, plane, volume: view.volume, x, y, dx: x - held.x, dy: y - held.y });
    held = { tool, x, y };
  });

  const letGo = () => (held = null);
  canvas.addEventListener("pointerup", letGo);
  canvas.addEventListener("pointercancel", letGo);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("dblclick", () => view.maximise(plane));
  listenToWheel(canvas, plane, view, hover);
}

/**
 * A mouse sends notches of about 100, a touch pad a stream of small amounts: those are collected.
 * @param {HTMLCanvasElement} canvas
 * @param {Plane} plane
 * @param {View} view
 * @param {(pointer: Pointer) => void} hover
 */
function listenToWheel(canvas, plane, view, hover) {
  let collected = 0;
  const turn = (/** @type {WheelEvent} */ event) => {
    if (!view.volume) return;
    event.preventDefault();
    const { offsetX: x, offsetY: y } = event;
    const amount = event.deltaMode ? event.deltaY * WHEEL_NOTCH : event.deltaY;
    if (event.ctrlKey) {
      view.zoom(plane, Math.exp(-amount / WHEEL_ZOOM), x, y);
      return;
    }
    collected = Math.sign(collected) === -Math.sign(amount) ? amount : collected + amount;
    if (Math.abs(collected) < WHEEL_NOTCH) return;
    const slices = Math.abs(amount) >= WHEEL_NOTCH ? Math.sign(collected) : Math.trunc(collected / WHEEL_NOTCH);
    collected = 0;
    view.scroll(plane, slices);
    hover({ plane, x, y });
  };
  canvas.addEventListener("wheel", turn, { passive: false });
}
