// @ts-check
// Draws the marks of a volume on a plane: whole in their own slice, and where they cross other planes.

import { words } from "../data/measure.js";
import { isWhole, pieces } from "./outline.js";
import { LETTERS, line, write } from "./pen.js";

/** @typedef {import("../data/marks.js").Mark} Mark */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */

const MARK_INK = "#7fe3b6";
const SELECTED_INK = "#ffffff";
const DOT_PX = 1.5; // a piece that is shorter would be seen hardly
const END_PX = 4;
const LINE_PX = 16;
const APART_PX = 10; // words from their mark

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {View} view
 */
export function drawMarks(pen, plane, volume, { point }) {
  for (const mark of volume.marks.list) {
    const ink = mark === volume.marks.selected ? SELECTED_INK : MARK_INK;
    drawPieces(pen, plane, volume, pieces(mark, plane, volume, point), ink);
    if (!isWhole(mark, plane, volume, point)) continue;
    if (mark.kind !== "ellipse" || mark === volume.marks.selected) drawEnds(pen, plane, volume, mark, ink);
    drawWords(pen, plane, volume, mark, ink);
  }
}

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {number[][][]} found  see `pieces`
 * @param {string} ink
 */
function drawPieces(pen, plane, volume, found, ink) {
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const [from, to] of found) {
    const [[x, y], [endX, endY]] = [plane.placeOf(volume, from), plane.placeOf(volume, to)];
    if (Math.hypot(endX - x, endY - y) < DOT_PX) pen.rect(x - DOT_PX / 2, y - DOT_PX / 2, DOT_PX, DOT_PX);
    else line(pen, x, y, endX, endY);
  }
  pen.stroke();
}

/**
 * What can be gripped: rings, which leave free what lies under them.
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {Mark} mark
 * @param {string} ink
 */
function drawEnds(pen, plane, volume, mark, ink) {
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  for (const point of mark.points) {
    const [x, y] = plane.placeOf(volume, point);
    pen.beginPath();
    pen.arc(x, y, END_PX, 0, 2 * Math.PI);
    pen.stroke();
  }
}

/**
 * Beside the rightmost point, or left of the leftmost where there is no room.
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {Mark} mark
 * @param {string} ink
 */
function drawWords(pen, plane, volume, mark, ink) {
  const lines = words(volume, mark);
  const places = mark.points.map((point) => plane.placeOf(volume, point)).sort((a, b) => a[0] - b[0]);
  const [leftmost, rightmost] = [places[0], places[places.length - 1]];
  pen.font = LETTERS;
  const width = Math.max(...lines.map((text) => pen.measureText(text).width));
  const fits = rightmost[0] + APART_PX + width < plane.width;
  const [x, y] = fits ? [rightmost[0] + APART_PX, rightmost[1]] : [leftmost[0] - APART_PX, leftmost[1]];
  lines.forEach((text, i) => write(pen, text, x, y + 4 + i * LINE_PX, fits ? "left" : "right", ink));
}
