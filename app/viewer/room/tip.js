// @ts-check
// HU, place and slice beside the pointer. The line below the planes says it to those who do not see the pointer.

import { huWords, mmWords, sliceWords } from "../draw/words.js";
import { make } from "./elements.js";

/** @typedef {import("./pointer.js").Pointer} Pointer */

const AWAY_PX = 16; // from the pointer, so that it hides nothing that one points at

export class Tip {
  constructor() {
    this.element = make("div", "ctv-tip", { "aria-hidden": "true" });
    this.element.hidden = true;
  }

  /** @param {Pointer} pointer */
  show(pointer) {
    this.element.hidden = true;
    if (!pointer?.view.volume || !pointer.view.display.words || !pointer.hasTip) return;
    const { view, plane, canvas } = pointer;
    const { volume } = pointer.view;
    const at = plane.pointAt(volume, view.point, pointer.x, pointer.y);
    if (!volume.contains(at)) return;
    this.element.hidden = false;
    this.element.textContent = [huWords(volume, plane, at, view.difference), mmWords(volume, at), sliceWords(volume, at)].join("\n");
    this.place(canvas, pointer.x, pointer.y);
  }

  /**
   * Right of the pointer and below it, or on the other side where the picture ends.
   * @param {HTMLCanvasElement} canvas
   * @param {number} x
   * @param {number} y
   */
  place(canvas, x, y) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + AWAY_PX + width <= canvas.clientWidth ? x + AWAY_PX : x - AWAY_PX - width;
    const top = y + AWAY_PX + height <= canvas.clientHeight ? y + AWAY_PX : y - AWAY_PX - height;
    const box = /** @type {HTMLElement} */ (canvas.parentElement); // the canvas has its place in this, and this in the planes
    this.element.style.transform = `translate(${box.offsetLeft + canvas.offsetLeft + left}px, ${box.offsetTop + canvas.offsetTop + top}px)`;
  }
}
