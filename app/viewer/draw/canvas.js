// @ts-check
// A canvas on the screen. Its pixels follow the screen's, so that lines and letters stay sharp.

/** @typedef {import("./pen.js").Pen} Pen */

export class PlaneCanvas {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(pen: Pen, width: number, height: number) => void} paint  in CSS pixels
   */
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.paint = paint;
    this.pen = /** @type {Pen} */ (canvas.getContext("2d", { alpha: false }));
    this.ratio = 1;
    this.width = 0; // CSS pixels
    this.height = 0;
  }

  /** This wipes the canvas. */
  fit() {
    const { canvas } = this;
    this.ratio = window.devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    canvas.width = Math.round(this.width * this.ratio);
    canvas.height = Math.round(this.height * this.ratio);
  }

  /** Nothing, where the canvas is not seen. */
  draw() {
    if (!this.width) return;
    this.pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.paint(this.pen, this.width, this.height);
  }
}
