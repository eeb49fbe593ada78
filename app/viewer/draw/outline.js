// @ts-check
// A mark as lines through the volume, and what of them lies in the slices that a plane shows.

import { ellipse } from "../data/measure.js";

/** @typedef {import("../data/marks.js").Mark} Mark */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("./plane.js").Plane} Plane */

const CORNERS = 48; // of the polygon that is drawn for an ellipse

/**
 * The points of a line that goes along the whole mark.
 * @param {Mark} mark
 * @returns {number[][]}
 */
export function outline(mark) {
  if (mark.kind !== "ellipse") return mark.points;
  const { centre, halfU, halfV } = ellipse(mark);
  return Array.from({ length: CORNERS + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / CORNERS;
    return centre.map((value, axis) => value + Math.cos(angle) * halfU[axis] + Math.sin(angle) * halfV[axis]);
  });
}

/**
 * Whether a plane shows the slice that a mark was made in.
 * @param {Mark} mark
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {number[]} point  that is looked at
 */
export function isWhole(mark, plane, volume, point) {
  const [low, high] = shown(plane, volume, point);
  const at = mark.points[0][plane.through];
  return mark.through === plane.through && at >= low && at <= high;
}

/**
 * The pieces of a mark that lie in what a plane shows, each from one point to another.
 * @param {Mark} mark
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {number[]} point  that is looked at
 * @returns {number[][][]}
 */
export function pieces(mark, plane, volume, point) {
  const [low, high] = shown(plane, volume, point);
  const line = outline(mark);
  const ends = line.length === 1 ? [[line[0], line[0]]] : line.slice(1).map((end, i) => [line[i], end]);
  return ends.flatMap(([from, to]) => clipped(from, to, plane.through, low, high));
}

/**
 * What a plane shows along the axis that it is cut at: whole voxels.
 * @param {Plane} plane
 * @param {Volume} volume
 * @param {number[]} point
 */
function shown(plane, volume, point) {
  const [first, last] = plane.range(volume, point[plane.through]);
  return [first - 0.5, last + 0.5];
}

/**
 * The part of a line between two positions along an axis, or nothing.
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} axis
 * @param {number} low
 * @param {number} high
 * @returns {number[][][]}
 */
function clipped(from, to, axis, low, high) {
  const length = to[axis] - from[axis];
  const isInside = from[axis] >= low && from[axis] <= high;
  if (!length) return isInside ? [[from, to]] : [];
  const shares = [(low - from[axis]) / length, (high - from[axis]) / length].sort((a, b) => a - b);
  const [enters, leaves] = [Math.max(0, shares[0]), Math.min(1, shares[1])];
  const at = (/** @type {number} */ share) => from.map((value, i) => value + share * (to[i] - value));
  return enters <= leaves ? [[at(enters), at(leaves)]] : [];
}
