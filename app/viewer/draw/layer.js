// @ts-check
// One plane of one volume, ready to be painted: the picture, scaled, and over it what the tools draw and the words. It
// may be painted on any canvas; its picture is made once.

import { TOOLS } from "../tools/index.js";
import { drawMarks } from "./marks.js";
import { hatch } from "./pen.js";
import { Picture } from "./picture.js";
import { drawWords } from "./words.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./words.js").Part} Part */

/**
 * Fills its canvas with a picture of one pixel per voxel of the view's volume.
 * @typedef {object} Source
 * @property {HTMLCanvasElement} canvas
 * @property {(view: View) => void} draw
 */

export class Layer {
  /**
   * @param {View} view
   * @param {Plane} plane  of the view
   */
  constructor(view, plane) {
    this.view = view;
    this.plane = plane;
    this.picture = new Picture(plane);
    /** @type {Source} */
    this.grey = {
      canvas: this.picture.canvas,
      draw: ({ volume, point, display }) => volume && this.picture.draw(volume, point[plane.through], display.greys),
    };
  }

  /**
   * @param {Pen} pen
   * @param {number} width   of the canvas, CSS pixels
   * @param {number} height
   * @param {Part} part      what of it will be seen
   * @param {Source} source  of what is shown in the volume's place
   */
  paint(pen, width, height, part = { from: 0, to: width }, source = this.grey) {
    const { plane, view } = this;
    plane.resize(width, height);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, width, height);
    if (view.volume) {
      this.paintPicture(pen, view.volume, source);
      for (const tool of TOOLS) tool.draw?.(pen, plane, view.volume, view);
      if (view.display.marks) drawMarks(pen, plane, view.volume, view);
    }
    drawWords(pen, plane, view, part);
  }

  /**
   * @param {Pen} pen
   * @param {Volume} volume
   * @param {Source} source
   */
  paintPicture(pen, volume, source) {
    const { left, top, width, height } = this.plane.rectangle(volume);
    pen.fillStyle = hatch(pen);
    pen.fillRect(left, top, width, height);
    source.draw(this.view);
    pen.imageSmoothingEnabled = this.view.display.smooth;
    pen.imageSmoothingQuality = "medium";
    pen.drawImage(source.canvas, left, top, width, height);
  }
}
