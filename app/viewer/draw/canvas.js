// @ts-check
// One plane on its canvas: the picture, scaled, and over it what the tools draw and the words.

import { TOOLS } from "../tools/index.js";
import { DifferencePicture } from "./difference.js";
import { drawMarks } from "./marks.js";
import { hatch } from "./pen.js";
import { Picture } from "./picture.js";
import { drawWords } from "./words.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */

export class PlaneCanvas {
  /**
   * @param {Plane} plane
   * @param {HTMLCanvasElement} canvas
   */
  constructor(plane, canvas) {
    this.plane = plane;
    this.canvas = canvas;
    this.picture = new Picture(plane);
    this.difference = new DifferencePicture(plane);
    this.pen = /** @type {Pen} */ (canvas.getContext("2d", { alpha: false }));
    this.ratio = 1;
  }

  /** Canvas pixels follow the screen's, so that lines and letters stay sharp. This wipes the canvas. */
  fit() {
    const { canvas } = this;
    this.ratio = window.devicePixelRatio || 1;
    this.plane.resize(canvas.clientWidth, canvas.clientHeight);
    canvas.width = Math.round(canvas.clientWidth * this.ratio);
    canvas.height = Math.round(canvas.clientHeight * this.ratio);
  }

  /** @param {View} view */
  draw(view) {
    const { pen, plane } = this;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, plane.width, plane.height);
    if (view.volume) {
      this.drawPicture(view.volume, view);
      for (const tool of TOOLS) tool.draw?.(pen, plane, view.volume, view);
      if (view.display.marks) drawMarks(pen, plane, view.volume, view);
    }
    drawWords(pen, plane, view);
  }

  /**
   * @param {Volume} volume
   * @param {View} view
   */
  drawPicture(volume, view) {
    const { display } = view;
    const { pen, plane } = this;
    const { left, top, width, height } = plane.rectangle(volume);
    pen.fillStyle = hatch(pen);
    pen.fillRect(left, top, width, height);
    const picture = this.pictureOf(volume, view);
    pen.imageSmoothingEnabled = display.smooth;
    pen.imageSmoothingQuality = "medium";
    pen.drawImage(picture, left, top, width, height);
  }

  /**
   * One pixel a voxel.
   * @param {Volume} volume
   * @param {View} view
   */
  pictureOf(volume, { point, display, difference }) {
    const position = point[this.plane.through];
    if (difference) this.difference.draw(difference, position, display);
    else this.picture.draw(volume, position, display.greys);
    return difference ? this.difference.canvas : this.picture.canvas;
  }
}
