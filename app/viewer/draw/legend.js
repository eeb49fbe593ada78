// @ts-check
// What the colours of a difference mean, in HU.

import { INK, LETTERS, line, write } from "./pen.js";
import { SLAB_NAMES } from "./slab.js";

/** @typedef {import("./difference.js").DifferenceScale} DifferenceScale */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./slab.js").Slab} Slab */

const LEFT = 12;
const ABOVE_PX = 62; // the bar begins so far above the plane's lower edge: below it are its numbers and the window
const BAR_PX = 10;
const MOST_WIDTH = 160;
const NO_COLOUR = "#3c3c3c"; // stands for the dim picture of A

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {DifferenceScale} scale
 * @param {Uint32Array} colours  see colourTable
 */
export function drawLegend(pen, plane, { range, threshold }, colours) {
  const width = Math.min(MOST_WIDTH, Math.round(plane.width / 2) - 2 * LEFT);
  const top = plane.height - ABOVE_PX;
  for (let x = 0; x < width; x++) {
    const pixel = colours[Math.round((2 * range * x) / (width - 1))];
    pen.fillStyle = pixel ? cssColour(pixel) : NO_COLOUR;
    pen.fillRect(LEFT + x, top, 1, BAR_PX);
  }
  pen.strokeStyle = INK;
  pen.lineWidth = 1;
  pen.strokeRect(LEFT - 0.5, top - 0.5, width + 1, BAR_PX + 1);
  pen.beginPath();
  line(pen, LEFT + width / 2, top + BAR_PX, LEFT + width / 2, top + BAR_PX + 4);
  pen.stroke();
  pen.font = LETTERS;
  const below = top + BAR_PX + 15;
  write(pen, `−${range}`, LEFT, below, "left");
  write(pen, "0", LEFT + width / 2, below, "center");
  write(pen, `+${range}`, LEFT + width, below, "right");
  write(pen, legendWords(plane.slab, threshold), LEFT, top - 6, "left");
}

/**
 * @param {Slab} slab
 * @param {number} threshold
 */
export function legendWords({ kind }, threshold) {
  const shown = kind === "none" ? "B − A" : `${SLAB_NAMES[kind]} of B − ${SLAB_NAMES[kind]} of A`;
  return `${shown}, HU, from ±${threshold}`;
}

/** @param {number} pixel  ABGR */
function cssColour(pixel) {
  return `rgb(${pixel & 255}, ${(pixel >> 8) & 255}, ${(pixel >> 16) & 255})`;
}
