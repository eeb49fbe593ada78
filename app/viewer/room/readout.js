// @ts-check
// HU and place under the pointer, or else at the crosshair; of two volumes, what both have there.

import { huWords, readout } from "../draw/words.js";

/** @typedef {import("../compared.js").Compared} Compared */
/** @typedef {import("./pointer.js").Pointer} Pointer */
/** @typedef {import("./pointer.js").Seen} Seen */

/**
 * @param {Compared} compared
 * @param {Pointer} pointer
 */
export function pairReadout(compared, pointer) {
  const seen = pointer ?? atCrosshair(compared);
  const { view, plane } = seen;
  if (!view.volume) return "";
  const at = pointer ? plane.pointAt(view.volume, view.point, pointer.x, pointer.y) : view.point;
  const words = readout(view.volume, plane, at, view.difference);
  if (!compared.isOpen || view.difference) return words;
  return `${letter(compared, seen)} ${words}${compared.overlaps ? otherWords(compared, seen, at) : ""}`;
}

/**
 * @param {Compared} compared
 * @returns {Seen}
 */
function atCrosshair({ a }) {
  const { activeView, active } = a.settings;
  return { view: activeView, plane: active };
}

/**
 * @param {Compared} compared
 * @param {Seen} seen
 */
function letter({ b }, { view }) {
  return view === b ? "B" : "A";
}

/**
 * The other volume's HU in the voxel nearest to the same place.
 * @param {Compared} compared
 * @param {Seen} seen
 * @param {number[]} at
 */
function otherWords({ a, b }, { view, plane }, at) {
  const other = view === a ? b : a;
  if (!view.volume || !other.volume) return "";
  const there = other.volume.fromMm(view.volume.toMm(at)).map(Math.round);
  const hu = other.volume.contains(there) ? huWords(other.volume, plane, there) : "–";
  return `   ${other === b ? "B" : "A"} ${hu}`;
}
