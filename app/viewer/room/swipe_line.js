// @ts-check
// The line between A and B in one of A's planes: to be dragged, or moved by keys. The canvas draws it; this is what the
// pointer and the keyboard grip.

import { make } from "./elements.js";

/** @typedef {import("../compared.js").Compared} Compared */
/** @typedef {import("./pane.js").Pane} Pane */

const STEP = 0.02; // of the plane's width
/** @type {Record<string, (share: number) => number>} */
const KEYS = {
  ArrowLeft: (share) => share - STEP,
  ArrowRight: (share) => share + STEP,
  PageDown: (share) => share - 5 * STEP,
  PageUp: (share) => share + 5 * STEP,
  Home: () => 0,
  End: () => 1,
};

export class SwipeLine {
  /**
   * @param {Compared} compared
   * @param {Pane} pane
   */
  constructor(compared, pane) {
    this.compared = compared;
    this.pane = pane;
    this.element = make("div", "ctv-swipe", {
      role: "slider", tabindex: "0", "aria-label": `${pane.plane.name} swipe line: A left of it, B right of it`,
      "aria-valuemin": "0", "aria-valuemax": "100", title: "Drag the line, or move it with the arrows: A is left of it, B right",
    });
    this.element.hidden = true;
    this.listen();
    pane.box.append(this.element);
  }

  listen() {
    const { element, compared, pane } = this;
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // no text is selected
      element.focus();
      element.setPointerCapture(event.pointerId);
    });
    element.addEventListener("pointermove", (event) => {
      if (!element.hasPointerCapture(event.pointerId)) return;
      const { left, width } = pane.canvas.getBoundingClientRect();
      compared.setShare((event.clientX - left) / width);
    });
    element.addEventListener("keydown", (event) => {
      const move = KEYS[event.key];
      if (!move || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation(); // it does not scroll as well
      compared.setShare(move(compared.share));
    });
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      pane.canvas.dispatchEvent(new WheelEvent("wheel", event)); // the line is in the way of nothing
    }, { passive: false });
  }

  describe() {
    const { element, compared } = this;
    element.hidden = compared.shown !== "swipe" || compared.isBlinking;
    if (element.hidden) return;
    element.style.left = `${100 * compared.share}%`;
    element.setAttribute("aria-valuenow", String(Math.round(100 * compared.share)));
  }
}
