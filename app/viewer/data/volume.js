// @ts-check
// The volume: int16 HU as they were sent, and where they lie in the patient.
//
// Everything else speaks of patient axes: x grows to the patient's left, y to the back, z to the feet. With the
// picture's right and down along them, this is the radiological convention in all three planes, whatever the order
// of the indices in memory is.

import { apply, inverse } from "./affine.js";
import { Marks } from "./marks.js";

/**
 * The geometry of a run, as the server describes it (app/present.py).
 * @typedef {object} Grid
 * @property {number[]} shape    slices, rows, columns
 * @property {number[]} spacing  mm between slices, rows and columns
 * @property {string[]} axes     the direction (L R P A I S) in which each of the three indices grows
 * @property {number[][]} affine three rows that give LPS mm for (slice, row, column, 1), voxel centres at whole numbers
 */

/**
 * Some slices of a run that follow one another, in a file of their own.
 * @typedef {object} Chunk
 * @property {string} path
 * @property {number} first   index of its first slice
 * @property {number} slices  how many it holds
 */

/**
 * A patient axis, and how to walk along it in memory.
 * @typedef {object} Axis
 * @property {number} index    which index of the file runs along it: 0 slice, 1 row, 2 column
 * @property {boolean} flipped whether that index grows the other way
 * @property {number} size     voxels
 * @property {number} spacing  mm
 * @property {number} stride   from one voxel to the next, in elements of `hu`; negative where flipped
 */

/** For each patient axis the direction in which it grows, and the opposite one. */
export const PATIENT_AXES = [["L", "R"], ["P", "A"], ["I", "S"]];

export const MADE = 1;
const DRAFT = 2;

/** In a row of HU it stands for voxels that are not there; no scanner writes it. */
export const NOT_MADE = -32768;

/** A point is a voxel's position along the patient axes: [x, y, z], counted from 0. */
export class Volume {
  /**
   * @param {Grid} grid
   * @param {Int16Array} hu    voxels in the order of the file
   * @param {Uint8Array} made  for each slice, MADE once its voxels are there, and DRAFT while they are a draft's
   * @param {Marks} marks
   */
  constructor(grid, hu = new Int16Array(voxelCount(grid)), made = new Uint8Array(grid.shape[0]), marks = new Marks()) {
    this.shape = grid.shape;
    this.affine = grid.affine;
    this.hu = hu;
    this.made = made;
    this.marks = marks;
    /** @type {number[] | null} a point, where only the three slices through it have arrived so far, one in each plane */
    this.onlyAt = null;
    this.isScan = false; // whether it is a real scan
    this.version = 0; // grows whenever voxels come
    this.origin = 0;
    this.axes = PATIENT_AXES.map(([along, against]) => this.axis(grid, along, against));
    this.sliceAxis = this.axes.findIndex((axis) => axis.index === 0);
  }

  /**
   * @param {Grid} grid
   * @param {string} along
   * @param {string} against
   * @returns {Axis}
   */
  axis(grid, along, against) {
    const index = grid.axes.findIndex((letter) => letter === along || letter === against);
    const flipped = grid.axes[index] === against;
    const size = grid.shape[index];
    const step = [grid.shape[1] * grid.shape[2], grid.shape[2], 1][index];
    if (flipped) this.origin += (size - 1) * step;
    return { index, flipped, size, spacing: grid.spacing[index], stride: flipped ? -step : step };
  }

  /**
   * A volume may end before its last chunk: the same voxels, without the slices that never came.
   * @param {Grid} grid
   */
  shortened(grid) {
    const [hu, made] = [this.hu.subarray(0, voxelCount(grid)), this.made.subarray(0, grid.shape[0])];
    return new Volume(grid, hu, made, this.marks);
  }

  /**
   * @param {Pick<Chunk, "first" | "slices">} chunk
   * @param {Int16Array} hu
   */
  add(chunk, hu) {
    this.hu.set(hu, chunk.first * this.shape[1] * this.shape[2]);
    this.made.fill(MADE, chunk.first, chunk.first + chunk.slices);
    this.onlyAt = null;
    this.version++;
  }

  /**
   * The first voxels of a volume that is there as a whole, but has not arrived: those in three slices.
   * @param {number[]} index  of slice, row and column in the file
   * @param {Int16Array} hu   of this slice, then of this row of each slice, then of this column of each slice
   */
  addThrough([slice, row, column], hu) {
    const [slices, rows, columns] = this.shape;
    this.hu.fill(NOT_MADE);
    this.hu.set(hu.subarray(0, rows * columns), slice * rows * columns);
    for (let i = 0, from = rows * columns; i < slices; i++, from += columns) {
      this.hu.set(hu.subarray(from, from + columns), (i * rows + row) * columns);
    }
    const last = hu.subarray((rows + slices) * columns);
    for (let i = 0; i < last.length; i++) this.hu[i * columns + column] = last[i];
    this.made.fill(MADE);
    this.onlyAt = this.axes.map(({ index }, axis) => this.indexOf(axis, [slice, row, column][index]));
    this.version++;
  }

  /**
   * What slices may become that are not made yet. It is shown, and counts as nothing else.
   * @param {Pick<Chunk, "first" | "slices">} chunk
   * @param {Int16Array} hu
   */
  addDraft(chunk, hu) {
    const voxels = this.shape[1] * this.shape[2];
    for (let i = 0; i < chunk.slices; i++) {
      const slice = chunk.first + i;
      if (this.made[slice] === MADE) continue;
      this.hu.set(hu.subarray(i * voxels, (i + 1) * voxels), slice * voxels);
      this.made[slice] = DRAFT;
    }
    this.version++;
  }

  /** What is left of a draft goes. */
  dropDraft() {
    if (!this.hasDraft) return;
    this.made.forEach((state, slice) => state === DRAFT && (this.made[slice] = 0));
    this.version++;
  }

  get hasDraft() {
    return this.made.includes(DRAFT);
  }

  /** The index of the last slice that is there to be seen, or -1. Chunks may overtake each other on the way. */
  get newestSlice() {
    return Math.max(this.made.lastIndexOf(MADE), this.made.lastIndexOf(DRAFT));
  }

  /** The point in the middle. */
  get middle() {
    return this.axes.map((axis) => axis.size >> 1);
  }

  /** The point halfway between its first and last voxels. */
  get centre() {
    return this.axes.map(({ size }) => (size - 1) / 2);
  }

  /**
   * From a position along a patient axis to the index in the file, and back: both ways are the same.
   * @param {number} axis
   * @param {number} position
   */
  indexOf(axis, position) {
    const { flipped, size } = this.axes[axis];
    return flipped ? size - 1 - position : position;
  }

  /** @param {number} slice  index in the file */
  positionOf(slice) {
    return this.indexOf(this.sliceAxis, slice);
  }

  /** @param {number[]} point */
  isMade(point) {
    return this.stateAt(point[this.sliceAxis]) === MADE;
  }

  /** @param {number[]} point */
  isDraft(point) {
    return this.stateAt(point[this.sliceAxis]) === DRAFT;
  }

  /**
   * Whether there is something to be seen at a position along the axis of the slices.
   * @param {number} position
   */
  isShown(position) {
    return this.stateAt(position) !== 0;
  }

  /** @param {number} position */
  stateAt(position) {
    return this.made[this.indexOf(this.sliceAxis, position)];
  }

  /** @param {number[]} point */
  contains(point) {
    return point.every((position, axis) => position >= 0 && position < this.axes[axis].size);
  }

  /**
   * The nearest point that lies in the volume.
   * @param {number[]} point
   */
  clamp(point) {
    return point.map((position, axis) => Math.min(Math.max(position, 0), this.axes[axis].size - 1));
  }

  /**
   * The nearest point that lies in the volume, between voxels too.
   * @param {number[]} point
   */
  clampBetween(point) {
    return point.map((position, axis) => Math.min(Math.max(position, -0.5), this.axes[axis].size - 0.5));
  }

  /**
   * HU at a point, or null where nothing has been made.
   * @param {number[]} point
   */
  at(point) {
    if (!this.contains(point) || !this.isMade(point)) return null;
    const hu = this.hu[this.axes.reduce((offset, axis, i) => offset + point[i] * axis.stride, this.origin)];
    return hu === NOT_MADE ? null : hu;
  }

  /**
   * Slice, row and column of a point in the file, counted from 0.
   * @param {number[]} point
   */
  index(point) {
    const index = [0, 0, 0];
    this.axes.forEach((axis, i) => (index[axis.index] = this.indexOf(i, point[i])));
    return index;
  }

  /**
   * The same for people, who count from 1.
   * @param {number[]} point
   */
  fileIndex(point) {
    return this.index(point).map((counted) => counted + 1);
  }

  /**
   * Where a point lies in the patient: LPS mm. The point may lie between voxels.
   * @param {number[]} point
   */
  toMm(point) {
    return apply(this.affine, this.index(point));
  }

  /**
   * The point at a place in the patient, which may lie between voxels and outside of the volume.
   * @param {number[]} mm  LPS
   */
  fromMm(mm) {
    const index = apply(inverse(this.affine), mm);
    return this.axes.map((axis, i) => this.indexOf(i, index[axis.index]));
  }
}

/** @param {Grid} grid */
function voxelCount({ shape }) {
  return shape[0] * shape[1] * shape[2];
}
