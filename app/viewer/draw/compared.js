// @ts-check
// What stands in A's canvas while there are two volumes: A, B, both on the two sides of a line, or their difference.

import { line } from "./pen.js";

/** @typedef {import("../compared.js").Compared} Compared */
/** @typedef {import("./layer.js").Layer} Layer */
/** @typedef {import("./layer.js").Source} Source */
/** @typedef {import("./pen.js").Pen} Pen */

const LINE_INK = "#58b4ff";

/**
 * @param {Pen} pen
 * @param {number} width   of the canvas, CSS pixels
 * @param {number} height
 * @param {Compared} compared
 * @param {Layer} a
 * @param {Layer} b
 * @param {Source} difference
 */
export function paintCompared(pen, width, height, compared, a, b, difference) {
  if (compared.isBlinking) b.paint(pen, width, height);
  else if (compared.shown === "swipe") paintSwipe(pen, width, height, compared.share, a, b);
  else if (compared.shown === "difference") a.paint(pen, width, height, undefined, difference);
  else a.paint(pen, width, height);
}

/**
 * @param {Pen} pen
 * @param {number} width
 * @param {number} height
 * @param {number} share  of the width that is A's
 * @param {Layer} a
 * @param {Layer} b
 */
function paintSwipe(pen, width, height, share, a, b) {
  const at = Math.round(width * share);
  paintPart(pen, width, height, { from: 0, to: at }, a);
  paintPart(pen, width, height, { from: at, to: width }, b);
  pen.strokeStyle = LINE_INK;
  pen.lineWidth = 2;
  pen.beginPath();
  line(pen, at, 0, at, height);
  pen.stroke();
}

/**
 * @param {Pen} pen
 * @param {number} width
 * @param {number} height
 * @param {import("./words.js").Part} part
 * @param {Layer} layer
 */
function paintPart(pen, width, height, part, layer) {
  pen.save();
  pen.beginPath();
  pen.rect(part.from, 0, part.to - part.from, height);
  pen.clip();
  layer.paint(pen, width, height, part);
  pen.restore();
}
