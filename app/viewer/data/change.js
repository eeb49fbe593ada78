// @ts-check
// How much of the body differs between two volumes: counted slice by slice, so that the page can do something else in
// between, and for all thresholds at once.

import { determinant } from "./affine.js";
import { NOT_MADE } from "./volume.js";

/** @typedef {import("./difference.js").Difference} Difference */

/**
 * Where |B - A| reaches a threshold in the body, as far as both volumes are made: denser and thinner is what B is there.
 * `compared` of A's `slices` have been counted.
 * @typedef {{ denserMl: number, thinnerMl: number, bodyMl: number, compared: number, slices: number }} Changed
 */

/** Larger differences count as this. In HU. */
export const MOST_HU = 1000;

const TISSUE_HU = -300; // as TISSUE_HU in ctflow/analysis/places.py: the skin and all that is denser
const MM3_IN_ML = 1000;

export class Change {
  /** @param {Difference} difference */
  constructor(difference) {
    this.difference = difference;
    const { affine, shape } = difference.volumeA;
    this.voxelMl = Math.abs(determinant(affine)) / MM3_IN_ML;
    this.states = new Array(shape[0]).fill(0);
    /** @type {Uint32Array[]} for each slice, see `histogram` */
    this.histograms = [];
    this.total = new Float64Array(2 * MOST_HU + 1);
    this.version = -1; // of the difference, when all of it had been counted
  }

  get isDone() {
    return this.version === this.difference.version;
  }

  /** Whether there is anything to say: all that was there at some time has been counted. */
  get isKnown() {
    return this.version >= 0;
  }

  /**
   * Counts slices that are new until it is told to stop; returns whether it is done.
   * @param {() => boolean} enough
   */
  work(enough) {
    const { version } = this.difference;
    for (let slice = 0; slice < this.states.length; slice++) {
      const state = this.difference.stateOf(slice);
      if (state === this.states[slice]) continue;
      if (enough()) return false;
      this.count(slice, state);
    }
    this.version = version;
    return true;
  }

  /**
   * @param {number} slice
   * @param {number} state  see Difference.stateOf
   */
  count(slice, state) {
    const found = histogram(this.difference, slice);
    this.histograms[slice]?.forEach((count, i) => (this.total[i] -= count));
    found.forEach((count, i) => (this.total[i] += count));
    this.histograms[slice] = found;
    this.states[slice] = state;
  }

  /**
   * @param {number} threshold  HU, more than 0 and at most MOST_HU
   * @returns {Changed}
   */
  changed(threshold) {
    const sum = (/** @type {number} */ from, /** @type {number} */ to) =>
      this.total.subarray(from + MOST_HU, to + MOST_HU + 1).reduce((all, count) => all + count, 0) * this.voxelMl;
    return {
      denserMl: sum(threshold, MOST_HU),
      thinnerMl: sum(-MOST_HU, -threshold),
      bodyMl: sum(-MOST_HU, MOST_HU),
      compared: this.states.filter(Boolean).length,
      slices: this.states.length,
    };
  }
}

/**
 * In short: what stands beside the planes.
 * @param {Changed} changed
 */
export function changeWords({ denserMl, thinnerMl, bodyMl }) {
  if (!bodyMl) return "No part of the body is in both volumes yet.";
  const changedMl = denserMl + thinnerMl;
  return `${mlWords(changedMl)} changed, ${((100 * changedMl) / bodyMl).toFixed(1)} % of the body`;
}

/**
 * In full.
 * @param {Changed} changed
 * @param {number} threshold  HU
 */
export function changeSentence(changed, threshold) {
  const { denserMl, thinnerMl, bodyMl, compared, slices } = changed;
  if (!bodyMl) return changeWords(changed);
  const ways = `${mlWords(denserMl)} denser and ${mlWords(thinnerMl)} less dense in B`;
  const part = compared < slices ? ` Compared so far: ${compared} of A's ${slices} slices.` : "";
  return `${changeWords(changed)} (${mlWords(bodyMl)}), by ${threshold} HU or more: ${ways}.${part}`;
}

/** @param {number} ml */
function mlWords(ml) {
  return `${ml.toFixed(ml < 10 ? 1 : 0)} ml`;
}

/**
 * For each difference from -MOST_HU to MOST_HU, how many voxels of a slice of A have it, in the body of A or of B.
 * @param {Difference} difference
 * @param {number} slice  index in the file
 */
function histogram({ volumeA, b: onA }, slice) {
  const [, rows, columns] = volumeA.shape;
  const start = slice * rows * columns;
  const a = volumeA.hu.subarray(start, start + rows * columns);
  const b = new Int16Array(rows * columns);
  for (let r = 0; r < rows; r++) onA.fillFrom(b.subarray(r * columns, (r + 1) * columns), [slice, r, 0], [0, 0, 1]);
  const [outlineA, outlineB] = [outlineOf(a, rows, columns), outlineOf(b, rows, columns)];
  const found = new Uint32Array(2 * MOST_HU + 1);
  for (let r = 0; r < rows; r++) {
    const last = Math.max(outlineA.right[r], outlineB.right[r]);
    for (let c = Math.min(outlineA.left[r], outlineB.left[r]), i = r * columns + c; c <= last; c++, i++) {
      if (b[i] === NOT_MADE || !(encloses(outlineA, r, c) || encloses(outlineB, r, c))) continue;
      found[Math.min(Math.max(b[i] - a[i], -MOST_HU), MOST_HU) + MOST_HU]++;
    }
  }
  return found;
}

/**
 * The first and last tissue of a slice: columns of each row, and rows of each column. Where there is none, the first one
 * lies after the last one.
 * @typedef {{ left: Int16Array, right: Int16Array, above: Int16Array, below: Int16Array }} Outline
 */

/**
 * @param {Int16Array} hu  of a slice
 * @param {number} rows
 * @param {number} columns
 * @returns {Outline}
 */
function outlineOf(hu, rows, columns) {
  const [left, right] = [new Int16Array(rows).fill(columns), new Int16Array(rows).fill(-1)];
  const [above, below] = [new Int16Array(columns).fill(rows), new Int16Array(columns).fill(-1)];
  for (let i = 0, r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++, i++) {
      if (hu[i] <= TISSUE_HU) continue;
      below[c] = r;
      right[r] = c;
      if (above[c] > r) above[c] = r;
      if (left[r] > c) left[r] = c;
    }
  }
  return { left, right, above, below };
}

/**
 * Whether there is tissue before a voxel, behind it and on both sides of it, or in it: as `body_of` of
 * ctflow/analysis/places.py.
 * @param {Outline} outline
 * @param {number} r
 * @param {number} c
 */
function encloses({ left, right, above, below }, r, c) {
  return left[r] <= c && c <= right[r] && above[c] <= r && r <= below[c];
}
