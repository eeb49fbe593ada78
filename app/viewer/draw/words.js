// @ts-check
// What is written over a plane, and what is said of it elsewhere.

import { PATIENT_AXES } from "../data/volume.js";
import { bothAt } from "./difference.js";
import { drawLegend } from "./legend.js";
import { SLAB_NAMES, shownAt } from "./slab.js";
import { BOLD_LETTERS, INK, LETTERS, line, write } from "./pen.js";

/** @typedef {import("../data/difference.js").Difference} Difference */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pen.js").Pen} Pen */
/** @typedef {import("./plane.js").Plane} Plane */

const WARNING = "SYNTHETIC, not for diagnosis";
const SCAN_WARNING = "Scan, not for diagnosis";
const WARNING_INK = "#ffb454";
const CAPTION_INK = "#58b4ff";
const LPS = [["L", "R"], ["P", "A"], ["S", "I"]]; // where coordinates grow, and the other way
const MARGIN = 8;
const LINE = 16;
const SCALES_MM = [100, 50, 20, 10, 5, 2, 1];
// On a plane narrower than this the warning would lie over the title, or over the letter at the top.
const ROOM_FOR_WARNING = 330;
const ROOM_FOR_SLAB = 70; // more, where the title names one
const ROOM_FOR_LETTER = 440;

/** What is seen of a plane, from left to right in CSS pixels. @typedef {{ from: number, to: number }} Part */

/**
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {View} view
 * @param {Part} part
 */
export function drawWords(pen, plane, view, part) {
  pen.font = LETTERS;
  const lines = drawHead(pen, plane, view, part);
  if (view.difference) drawLegend(pen, plane, view.display.scale, view.display.colours); // colours mean nothing without it
  if (!view.volume || !view.display.words) return;
  const { width, level } = view.display.window;
  write(pen, `W ${width}  L ${level}`, MARGIN, plane.height - MARGIN, "left");
  drawScaleBar(pen, plane, view.volume);
  drawDirections(pen, plane, lines, part);
}

/**
 * What stands at the top; returns how many lines it takes on the left.
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {View} view
 * @param {Part} part
 */
function drawHead(pen, plane, view, { from, to }) {
  const narrow = to - from < ROOM_FOR_WARNING + (plane.slab.kind === "none" ? 0 : ROOM_FOR_SLAB);
  const name = view.display.words ? [[title(plane, view), INK]] : []; // what a picture is stands there in any case
  const warning = warningOf([view]);
  const names = view.difference ? [...view.settings.views.map((one) => one.label), view.difference.note] : [view.label];
  const captions = [...names, view.words].map((text) => [text, CAPTION_INK]);
  const lines = [...name, ...(narrow ? [[warning, WARNING_INK]] : []), ...captions];
  const said = lines.filter(([text]) => text);
  said.forEach(([text, ink], i) => write(pen, text, from + MARGIN, MARGIN + 10 + i * LINE, "left", ink));
  if (!narrow) write(pen, warning, to - MARGIN, MARGIN + 10, "right", WARNING_INK);
  return said.length;
}

/**
 * What is said of volumes that are seen together: only a real scan alone is not synthetic.
 * @param {View[]} views
 */
export function warningOf(views) {
  const seen = views.flatMap((view) => (view.difference ? view.settings.views : [view])).map(({ volume }) => volume);
  return seen.length && seen.every((volume) => volume?.isScan) ? SCAN_WARNING : WARNING;
}

/**
 * The name of a plane, which of its slices is shown, and the slab around it.
 * @param {Plane} plane
 * @param {View} view
 */
export function title(plane, { volume, point }) {
  if (!volume) return plane.name;
  const { size } = volume.axes[plane.through];
  const missing = volume.sliceAxis === plane.through && !volume.isMade(point) ? `  ${missingWords(volume, point)}` : "";
  const { kind, mm } = plane.slab;
  const slab = kind === "none" ? "" : `  ${SLAB_NAMES[kind]} ${mm} mm`;
  return `${plane.name}  ${volume.indexOf(plane.through, point[plane.through]) + 1} / ${size}${slab}${missing}`;
}

/**
 * @param {Volume} volume
 * @param {number[]} point
 */
function missingWords(volume, point) {
  return volume.isDraft(point) ? "draft" : "not made yet";
}

/**
 * HU and place of a point: in the file, and in the patient.
 * @param {Volume} volume
 * @param {Plane} plane  that shows it
 * @param {number[]} point
 * @param {Difference | null} difference  where the plane shows that
 */
export function readout(volume, plane, point, difference = null) {
  const hu = volume.contains(point) ? huWords(volume, plane, point, difference) : "–";
  return `${hu}   ${placeWords(volume, point)}`;
}

/**
 * Where a point lies: in the file, and in the patient.
 * @param {Volume} volume
 * @param {number[]} point
 */
export function placeWords(volume, point) {
  if (!volume.contains(point)) return "column –  row –  slice –";
  const [slice, row, column] = volume.fileIndex(point);
  return `column ${column}  row ${row}  slice ${slice}   ${mmWords(volume, point)}`;
}

/**
 * HU as the plane shows them: of a slab, what it shows there.
 * @param {Volume} volume
 * @param {Plane} plane
 * @param {number[]} point
 * @param {Difference | null} difference
 */
export function huWords(volume, plane, point, difference = null) {
  const { kind } = plane.slab;
  const range = plane.range(volume, point[plane.through]);
  if (difference) return differenceWords(difference, plane, point, range);
  const hu = shownAt(volume, plane, point, range, kind);
  if (hu === null) return missingWords(volume, point);
  return kind === "none" ? `${hu} HU` : `${hu} HU ${SLAB_NAMES[kind]}`;
}

/**
 * @param {Difference} difference
 * @param {Plane} plane
 * @param {number[]} point
 * @param {number[]} range
 */
function differenceWords(difference, plane, point, range) {
  const { kind } = plane.slab;
  const both = bothAt(difference, plane, point, range, kind);
  if (!both) return `no difference here   A ${difference.a.at(point) ?? "–"}  B ${difference.b.at(point) ?? "–"}`;
  const change = both.b - both.a;
  const slab = kind === "none" ? "" : ` ${SLAB_NAMES[kind]}`;
  return `B − A ${change > 0 ? "+" : ""}${change} HU${slab}   A ${both.a}  B ${both.b}`;
}

/**
 * Where a point lies in the patient, such as L 12.5 P 3.0 S 40.0 mm.
 * @param {Volume} volume
 * @param {number[]} point
 */
export function mmWords(volume, point) {
  return lpsWords(volume.toMm(point));
}

/** @param {number[]} along  mm towards the patient's left, back and head */
export function lpsWords(along) {
  return `${along.map((mm, axis) => `${LPS[axis][mm < 0 ? 1 : 0]} ${Math.abs(mm).toFixed(1)}`).join(" ")} mm`;
}

/**
 * @param {Volume} volume
 * @param {number[]} point
 */
export function sliceWords(volume, point) {
  return `slice ${volume.fileIndex(point)[0]}`;
}

/**
 * The letters at the edges: which side of the patient lies there.
 * @param {Pen} pen
 * @param {Plane} plane
 * @param {number} lines  at the top
 * @param {Part} part
 */
function drawDirections(pen, { across, down, width, height }, lines, { from, to }) {
  const [right, left] = PATIENT_AXES[across];
  const [bottom, top] = PATIENT_AXES[down];
  pen.font = BOLD_LETTERS;
  write(pen, left, MARGIN, height / 2 + 5, "left");
  write(pen, right, width - MARGIN, height / 2 + 5, "right");
  write(pen, top, width / 2, to - from < ROOM_FOR_LETTER ? MARGIN + 12 + lines * LINE : MARGIN + 12, "center");
  write(pen, bottom, width / 2, height - MARGIN, "center");
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
