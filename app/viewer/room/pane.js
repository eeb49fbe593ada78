// @ts-check
// One plane on the screen: its canvas, and the slider of its slices.

import { PlaneCanvas } from "../draw/canvas.js";
import { title } from "../draw/words.js";
import { make } from "./elements.js";
import { listenToPointer } from "./pointer.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Pointer} Pointer */

export class Pane {
  /**
   * @param {Plane} plane
   * @param {View} view
   * @param {(pointer: Pointer) => void} hover
   */
  constructor(plane, view, hover) {
    this.plane = plane;
    this.view = view;
    this.canvas = make("canvas", "ctv-canvas", { tabindex: "0", role: "application" });
    this.slider = make("input", "ctv-slider", {
      type: "range", min: "0", max: "0", step: "1", value: "0", "aria-label": `${plane.name} slice`,
    });
    this.box = make("div", `ctv-plane ctv-${plane.name.toLowerCase()}`, {}, [this.canvas, this.slider]);
    this.drawing = new PlaneCanvas(plane, this.canvas);
    this.listen(hover);
  }

  /** @param {(pointer: Pointer) => void} hover */
  listen(hover) {
    const { plane, view, canvas, slider } = this;
    listenToPointer(canvas, plane, view, hover);
    canvas.addEventListener("focus", () => view.activate(plane));
    canvas.addEventListener("pointerleave", () => this.pointerLeft());
    slider.addEventListener("pointerenter", () => view.activate(plane));
    slider.addEventListener("input", () => view.scrollTo(plane, Number(slider.value)));
    new ResizeObserver(() => {
      this.fit();
      hover(null); // what is under the pointer now is known when it moves
    }).observe(canvas);
  }

  /** Keys go back to the plane that has the focus. */
  pointerLeft() {
    const canvases = [...(this.box.parentElement?.querySelectorAll("canvas") ?? [])];
    const focused = canvases.findIndex((canvas) => canvas === document.activeElement);
    if (focused >= 0) this.view.activate(this.view.planes[focused]);
  }

  /** The canvas has another size, or the screen other pixels. */
  fit() {
    this.drawing.fit();
    this.drawing.draw(this.view); // at once, because `fit` has wiped it
  }

  draw() {
    this.describe();
    if (this.plane.width) this.drawing.draw(this.view);
  }

  describe() {
    const { plane, box, canvas, slider } = this;
    const { volume, point, tool, maximised, active } = this.view;
    box.classList.toggle("ctv-whole", maximised === plane);
    box.classList.toggle("ctv-away", maximised !== null && maximised !== plane);
    box.classList.toggle("ctv-active", active === plane);
    canvas.style.cursor = tool.cursor;
    slider.disabled = !volume;
    if (volume) {
      slider.max = String(volume.axes[plane.through].size - 1);
      slider.value = String(point[plane.through]);
    }
    const label = volume ? describe(plane, this.view) : `${plane.name} plane, empty`;
    if (canvas.getAttribute("aria-label") === label) return;
    canvas.setAttribute("aria-label", label);
    slider.setAttribute("aria-valuetext", label);
  }
}

/**
 * @param {Plane} plane
 * @param {View} view
 */
function describe(plane, view) {
  return [title(plane, view), view.caption].filter(Boolean).join(", ");
}
