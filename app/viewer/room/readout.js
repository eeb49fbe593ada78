// @ts-check
// HU and place under the pointer, or else at the crosshair; of two volumes, what both have there.

import { huWords, placeWords, readout } from "../draw/words.js";

/** @typedef {import("../compared.js").Compared} Compared */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Pointer} Pointer */
/** @typedef {import("./pointer.js").Seen} Seen */

/**
 * @param {Compared} compared
 * @param {Pointer} pointer
 */
export function pairReadout(compared, pointer) {
  const { view, plane } = pointer ?? atCrosshair(compared);
  const { volume, point, difference } = view;
  if (!volume) return "";
  const at = pointer ? plane.pointAt(volume, point, pointer.x, pointer.y) : point;
  if (!compared.isOpen || difference) return readout(volume, plane, at, difference);
  const other = view === compared.a ? compared.b : compared.a;
  const hu = [letterOf(compared, view), huAt(volume, plane, at)];
  if (compared.link?.holds && other.volume) {
    const there = (other === compared.b ? compared.link.toB(at) : compared.link.toA(at)).map(Math.round);
    hu.push("", letterOf(compared, other), huAt(other.volume, plane, there));
  }
  return `${hu.join(" ")}   ${placeWords(volume, at)}`;
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
 * @param {View} view
 */
function letterOf({ b }, view) {
  return view === b ? "B" : "A";
}

/**
 * @param {Volume} volume
 * @param {import("../draw/plane.js").Plane} plane
 * @param {number[]} point  that may lie outside
 */
function huAt(volume, plane, point) {
  return volume.contains(point) ? huWords(volume, plane, point) : "–";
}
