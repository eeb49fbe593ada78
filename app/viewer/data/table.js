// @ts-check
// Marks as text and as CSV, for other programs.

import { angleDegrees, areaMm2, huAt, lengthMm, statistics, words } from "./measure.js";

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./volume.js").Volume} Volume */

export const PLANE_NAMES = ["Sagittal", "Coronal", "Axial"]; // by the patient axis that a plane is cut at

const COLUMNS = [
  "volume", "mark", "kind", "plane", "slice", "length_mm", "angle_deg", "area_mm2", "voxels", "mean_hu", "sd_hu",
  "min_hu", "max_hu", "hu", "points_lps_mm",
];

/**
 * The plane of a mark, and which of its slices it lies in, counted from 1 as the plane's own title counts.
 * @param {Volume} volume
 * @param {Mark} mark
 */
export function place(volume, { through, points: [point] }) {
  return { plane: PLANE_NAMES[through], slice: volume.indexOf(through, Math.round(point[through])) + 1 };
}

/**
 * One line.
 * @param {Volume} volume
 * @param {Mark} mark
 */
export function sentence(volume, mark) {
  const { plane, slice } = place(volume, mark);
  return `${plane} ${slice}, ${mark.kind === "hu" ? "HU" : mark.kind}: ${words(volume, mark).join("; ")}`;
}

/**
 * All marks of a volume, a line each, below its name.
 * @param {Volume} volume
 * @param {string} name
 */
export function asText(volume, name) {
  return [name, ...volume.marks.list.map((mark) => sentence(volume, mark))].join("\n");
}

/**
 * All marks of a volume as CSV (RFC 4180) with a head; what a kind does not measure is empty.
 * @param {Volume} volume
 * @param {string} name
 */
export function asCsv(volume, name) {
  const rows = volume.marks.list.map((mark, i) => {
    const values = { volume: name, mark: i + 1, kind: mark.kind, ...place(volume, mark), ...measured(volume, mark) };
    return COLUMNS.map((column) => cell(/** @type {Record<string, any>} */ (values)[column] ?? ""));
  });
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/**
 * @param {Volume} volume
 * @param {Mark} mark
 */
function measured(volume, mark) {
  const points = mark.points.map((point) => volume.toMm(point).map(rounded).join(" "));
  return { ...ofKind(volume, mark), points_lps_mm: points.join("; ") };
}

/**
 * @param {Volume} volume
 * @param {Mark} mark
 */
function ofKind(volume, mark) {
  if (mark.kind === "length") return { length_mm: rounded(lengthMm(volume, mark)) };
  if (mark.kind === "angle") return { angle_deg: rounded(angleDegrees(volume, mark)) };
  if (mark.kind === "hu") return { hu: huAt(volume, mark) };
  const { count, mean, sd, least, most } = statistics(volume, mark) ?? {};
  const hu = { voxels: count ?? 0, mean_hu: rounded(mean), sd_hu: rounded(sd), min_hu: least, max_hu: most };
  return { area_mm2: rounded(areaMm2(volume, mark)), ...hu };
}

/** @param {number | null | undefined} value */
function rounded(value) {
  return value === null || value === undefined ? null : Number(value.toFixed(2));
}

/** @param {string | number} value */
function cell(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
