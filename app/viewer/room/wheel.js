// @ts-check
// The wheel over one plane.

/** @typedef {import("./pointer.js").Pointer} Pointer */
/** @typedef {import("./pointer.js").Seen} Seen */

const NOTCH = 40;
const ZOOM = 400; // a wheel that turns so far zooms by e

/**
 * A mouse sends notches of about 100, a touch pad a stream of small amounts: those are collected.
 * @param {HTMLCanvasElement} canvas
 * @param {(x: number) => Seen} seenAt  what is seen at a place of the canvas
 * @param {(pointer: Pointer) => void} hover
 */
export function listenToWheel(canvas, seenAt, hover) {
  let collected = 0;
  const turn = (/** @type {WheelEvent} */ event) => {
    const { offsetX: x, offsetY: y } = event;
    const { view, plane } = seenAt(x);
    if (!view.volume) return;
    event.preventDefault();
    const amount = event.deltaMode ? event.deltaY * NOTCH : event.deltaY;
    if (event.ctrlKey) {
      view.zoom(plane, Math.exp(-amount / ZOOM), x, y);
      return;
    }
    collected = Math.sign(collected) === -Math.sign(amount) ? amount : collected + amount;
    if (Math.abs(collected) < NOTCH) return;
    const slices = Math.abs(amount) >= NOTCH ? Math.sign(collected) : Math.trunc(collected / NOTCH);
    collected = 0;
    view.scroll(plane, slices);
    hover({ view, plane, canvas, x, y, hasTip: true });
  };
  canvas.addEventListener("wheel", turn, { passive: false });
}
