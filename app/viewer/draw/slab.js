// @ts-check
// What a plane shows of a volume: one slice, or a slab of several that are put together, in HU.

import { NOT_MADE } from "../data/volume.js";

/** @typedef {import("../data/volume.js").Axis} Axis */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("./plane.js").PlaneDefinition} PlaneDefinition */

/** @typedef {"none" | "mip" | "minip" | "mean"} SlabKind */
/** @typedef {{ kind: SlabKind, mm: number }} Slab  `mm` is its thickness, kept while it is none */

/** @type {Record<SlabKind, string>} */
export const SLAB_NAMES = { none: "Slice", mip: "MIP", minip: "MinIP", mean: "Mean" };
export const SLAB_KINDS = /** @type {SlabKind[]} */ (Object.keys(SLAB_NAMES));
export const SLAB_MM = [1, 200]; // least and most

/**
 * The first and last position of a slab around another position, as near to its thickness as whole slices are.
 * @param {Axis} axis  that the plane is cut at
 * @param {number} position
 * @param {Slab} slab
 */
export function slabRange({ size, spacing }, position, { kind, mm }) {
  const slices = kind === "none" ? 1 : Math.max(1, Math.round(mm / spacing));
  const first = position - ((slices - 1) >> 1);
  return [Math.max(first, 0), Math.min(first + slices, size) - 1];
}

/**
 * Fills `hu` row by row with what a plane shows between two positions; slices that are not there add nothing.
 * @param {Int16Array} hu
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 * @param {number[]} range  first and last position
 * @param {SlabKind} kind
 */
export function project(hu, volume, plane, range, kind) {
  const across = volume.axes[plane.across];
  const down = volume.axes[plane.down];
  const starts = startsOf(volume, plane, range);
  const sums = new Float64Array(kind === "mean" ? across.size : 0);
  const add = ADD[kind];
  for (let v = 0; v < down.size; v++) {
    const row = hu.subarray(v * across.size, (v + 1) * across.size);
    row.fill(NOT_MADE);
    if (!isShown(volume, plane.down, v)) continue;
    starts.forEach((start, i) => add(row, volume.hu, start + v * down.stride, across.stride, i === 0, sums));
    if (kind === "mean") for (let h = 0; h < row.length; h++) row[h] = Math.round(sums[h] / starts.length);
    if (!starts.length) row.fill(NOT_MADE);
  }
  if (volume.sliceAxis === plane.across) hideColumns(hu, volume, plane);
  if (isOnItsWay(volume, range)) hu.fill(NOT_MADE);
}

/**
 * Whether most of a slab has not arrived: what is there must not pass for the slab.
 * @param {Volume} volume
 * @param {number[]} range
 */
function isOnItsWay(volume, [first, last]) {
  return volume.onlyAt !== null && first !== last;
}

/**
 * HU at a point as a plane shows it, or null where nothing has been made.
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 * @param {number[]} point
 * @param {number[]} range
 * @param {SlabKind} kind
 */
export function shownAt(volume, plane, point, range, kind) {
  const found = [];
  for (let position = range[0]; position <= range[1]; position++) {
    const hu = volume.at(point.map((value, axis) => (axis === plane.through ? position : value)));
    if (hu !== null) found.push(hu);
  }
  if (!found.length || isOnItsWay(volume, range)) return null;
  if (kind === "mip") return Math.max(...found);
  if (kind === "minip") return Math.min(...found);
  return Math.round(found.reduce((sum, hu) => sum + hu, 0) / found.length);
}

/**
 * Where in memory each slice of a slab begins that is there.
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 * @param {number[]} range
 */
function startsOf(volume, plane, [first, last]) {
  const starts = [];
  for (let position = first; position <= last; position++) {
    if (isShown(volume, plane.through, position)) {
      starts.push(volume.origin + position * volume.axes[plane.through].stride);
    }
  }
  return starts;
}

/**
 * Slices are made along one patient axis; along the others, nothing tells what is there.
 * @param {Volume} volume
 * @param {number} axis
 * @param {number} position
 */
function isShown(volume, axis, position) {
  return axis !== volume.sliceAxis || volume.isShown(position);
}

/**
 * @param {Int16Array} hu
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 */
function hideColumns(hu, volume, plane) {
  const { size } = volume.axes[plane.across];
  for (let h = 0; h < size; h++) {
    if (isShown(volume, plane.across, h)) continue;
    for (let i = h; i < hu.length; i += size) hu[i] = NOT_MADE;
  }
}

/**
 * Adds a row of one slice to a row of the slab. `isFirst`: the row is empty so far. Loops of their own, because they
 * run over a million voxels for each picture.
 * @typedef {(row: Int16Array, hu: Int16Array, voxel: number, stride: number, isFirst: boolean, sums: Float64Array) => void} Add
 */

/** @type {Record<SlabKind, Add>} */
const ADD = {
  none(row, hu, voxel, stride) {
    for (let h = 0; h < row.length; h++, voxel += stride) row[h] = hu[voxel];
  },
  mip(row, hu, voxel, stride) {
    for (let h = 0; h < row.length; h++, voxel += stride) if (hu[voxel] > row[h]) row[h] = hu[voxel];
  },
  minip(row, hu, voxel, stride, isFirst) {
    for (let h = 0; h < row.length; h++, voxel += stride) if (isFirst || hu[voxel] < row[h]) row[h] = hu[voxel];
  },
  mean(row, hu, voxel, stride, isFirst, sums) {
    if (isFirst) sums.fill(0);
    for (let h = 0; h < row.length; h++, voxel += stride) sums[h] += hu[voxel];
  },
};
