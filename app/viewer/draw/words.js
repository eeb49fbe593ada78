// @ts-check
// What is written over a plane, and what is said of it elsewhere.

import { PATIENT_AXES } from "../data/volume.js";
import { BOLD_LETTERS, INK, LETTERS, line, write } from "./pen.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */

const WARNING = "SYNTHETIC, not for diagnosis";
const WARNING_INK = "#ffb454";
const MARGIN = 8;
const SCALES_MM = [100, 50, 20, 10, 5, 2, 1];
// On a plane narrower than this the warning would lie over the title, or over the letter at the top.
const ROOM_FOR_WARNING = 330;
const ROOM_FOR_LETTER = 440;

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {View} view
 */
export function drawWords(pen, plane, view) {
  pen.font = LETTERS;
  write(pen, title(plane, view), MARGIN, MARGIN + 10, "left");
  drawWarning(pen, plane);
  if (!view.volume) return;
  write(pen, `W ${view.window.width}  L ${view.window.level}`, MARGIN, plane.height - MARGIN, "left");
  drawScaleBar(pen, plane, view.volume);
  drawDirections(pen, plane);
}

/**
 * The name of a plane and which of its slices is shown.
 * @param {Plane} plane
 * @param {View} view
 */
export function title(plane, { volume, point }) {
  if (!volume) return plane.name;
  const { size } = volume.axes[plane.through];
  const missing = volume.sliceAxis === plane.through && !volume.isMade(point) ? "  not made yet" : "";
  return `${plane.name}  ${volume.indexOf(plane.through, point[plane.through]) + 1} / ${size}${missing}`;
}

/**
 * HU and place of a point in the file.
 * @param {Volume} volume
 * @param {number[]} point
 */
export function readout(volume, point) {
  const inside = volume.contains(point);
  const [slice, row, column] = inside ? volume.fileIndex(point) : ["–", "–", "–"];
  const hu = volume.at(point);
  const missing = inside ? "not made yet" : "–";
  return `${hu === null ? missing : `${hu} HU`}   column ${column}  row ${row}  slice ${slice}`;
}

/**
 * @param {Pen} pen
 * @param {Plane} plane
 */
function drawWarning(pen, { width }) {
  if (width < ROOM_FOR_WARNING) write(pen, WARNING, MARGIN, MARGIN + 26, "left", WARNING_INK);
  else write(pen, WARNING, width - MARGIN, MARGIN + 10, "right", WARNING_INK);
}

/**
 * The letters at the edges: which side of the patient lies there.
 * @param {Pen} pen
 * @param {Plane} plane
 */
function drawDirections(pen, { across, down, width, height }) {
  const [right, left] = PATIENT_AXES[across];
  const [bottom, top] = PATIENT_AXES[down];
  pen.font = BOLD_LETTERS;
  write(pen, left, MARGIN, height / 2 + 5, "left");
  write(pen, right, width - MARGIN, height / 2 + 5, "right");
  write(pen, top, width / 2, topLetterY(width), "center");
  write(pen, bottom, width / 2, height - MARGIN, "center");
}

/** @param {number} width */
function topLetterY(width) {
  if (width < ROOM_FOR_WARNING) return 52;
  return width < ROOM_FOR_LETTER ? 36 : MARGIN + 12;
}

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {Volume} volume
 */
function drawScaleBar(pen, plane, volume) {
  const { scale } = plane.rectangle(volume);
  const mm = SCALES_MM.find((length) => length * scale <= plane.width / 4) ?? 1;
  const low = plane.height - MARGIN;
  const end = plane.width - MARGIN;
  const start = end - mm * scale;
  write(pen, `${mm} mm`, end, low - 8, "right");
  pen.strokeStyle = INK;
  pen.lineWidth = 2;
  pen.beginPath();
  line(pen, start, low, end, low);
  line(pen, start, low - 4, start, low);
  line(pen, end, low - 4, end, low);
  pen.stroke();
}
