// @ts-check
// Where A and B lie against each other. B may be moved so that the centres of both meet: for display only, and its own mm
// stay what they are.

import { NOT_MOVED, Resampled } from "./resampled.js";

/** @typedef {import("./volume.js").Volume} Volume */

export class Link {
  /**
   * @param {Volume} a
   * @param {Volume} b
   * @param {boolean} wantsAligned  whether the centres shall meet, if they may
   */
  constructor(a, b, wantsAligned) {
    this.a = a;
    this.b = b;
    /** Whether each of them has places that the other one lacks: else nothing is gained by moving one. */
    this.canAlign = !new Resampled(b, a).coversAll && !new Resampled(a, b).coversAll;
    this.isAligned = wantsAligned && this.canAlign;
    /** By how much B is moved: LPS mm. */
    this.movedMm = this.isAligned ? plus(a.toMm(a.centre), b.toMm(b.centre), -1) : NOT_MOVED;
    /** Whether they share any place, so that both can be looked at there. */
    this.holds = new Resampled(b, a, this.movedMm).overlaps;
  }

  /**
   * The point of B where a point of A lies; both may lie between voxels and outside.
   * @param {number[]} point
   */
  toB(point) {
    return this.b.fromMm(plus(this.a.toMm(point), this.movedMm, -1));
  }

  /**
   * And back.
   * @param {number[]} point
   */
  toA(point) {
    return this.a.fromMm(plus(this.b.toMm(point), this.movedMm));
  }
}

/**
 * @param {number[]} one
 * @param {number[]} other
 * @param {number} sign
 */
function plus(one, other, sign = 1) {
  return one.map((value, axis) => value + sign * other[axis]);
}
