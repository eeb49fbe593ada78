// @ts-check
// The difference of two volumes, B - A, on A's grid. There is one only where both are made: no slice, or a draft of one,
// is not 0 HU.

import { Change } from "./change.js";
import { NOT_MOVED, Resampled } from "./resampled.js";

/** @typedef {import("./volume.js").Volume} Volume */

export class Difference {
  /**
   * @param {Volume} a
   * @param {Volume} b
   * @param {number[]} movedMm  by how much B is moved first: LPS mm
   */
  constructor(a, b, movedMm = NOT_MOVED) {
    this.volumeA = a;
    this.volumeB = b;
    this.isMoved = movedMm.some((mm) => mm !== 0);
    this.a = new Resampled(a, a);
    this.b = new Resampled(b, a, movedMm);
    this.change = new Change(this);
  }

  /** Grows whenever voxels of one of them come. */
  get version() {
    return this.volumeA.version + this.volumeB.version;
  }

  /** What must be said of B on A's grid; empty where its voxels lie on those of A by themselves. */
  get note() {
    if (!this.b.overlaps) return "A and B do not overlap: there is no difference.";
    const done = [this.isMoved ? "moved" : "", this.b.isExact ? "" : "resampled to A's grid"].filter(Boolean).join(" and ");
    return done && `B is ${done} for display.`;
  }

  /**
   * How much has changed; empty until it has been counted, and where there is nothing to compare.
   * @param {(changed: import("./change.js").Changed, threshold: number) => string} inWords
   * @param {number} threshold  HU
   */
  changed(inWords, threshold) {
    return this.b.overlaps && this.change.isKnown ? inWords(this.change.changed(threshold), threshold) : "";
  }

  /**
   * How much of a slice of A can be compared: changes when more of it can.
   * @param {number} slice  index in the file
   */
  stateOf(slice) {
    return this.a.madeFor(slice) && this.b.madeFor(slice);
  }
}
