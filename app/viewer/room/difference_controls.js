// @ts-check
// How a difference is shown: its range and threshold, which this browser keeps.

import { FIRST_SCALE, RANGE_HU, THRESHOLD_HU } from "../draw/difference.js";
import { make, makeNumber, setValue } from "./elements.js";

/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../draw/difference.js").DifferenceScale} DifferenceScale */
/** @typedef {import("../view.js").View} View */

const KEY = "ctflow-difference";
const COUNTED = "Differences of fewer HU have no colour and do not count as changed. What chance alone changes counts: the tab Ask tells what is beyond it";

export class DifferenceControls {
  /**
   * @param {View} view      of A
   * @param {Memory} memory  of this browser
   */
  constructor(view, memory) {
    this.view = view;
    this.memory = memory;
    this.range = makeNumber("Range of the colours, HU", "The strongest colours stand for so many HU and more", RANGE_HU,
      (range) => this.setScale({ ...view.display.scale, range }));
    this.threshold = makeNumber("Threshold, HU", COUNTED, THRESHOLD_HU, (threshold) => this.setScale({ ...view.display.scale, threshold }));
    this.element = make("div", "ctv-difference", {}, [
      make("label", "", {}, ["±", this.range]),
      make("label", "", {}, ["from", this.threshold, "HU"]),
    ]);
    view.display.setScale(this.kept());
  }

  describe() {
    const { range, threshold } = this.view.display.scale;
    setValue(this.range, String(range));
    setValue(this.threshold, String(threshold));
  }

  /** @param {DifferenceScale} scale */
  setScale(scale) {
    this.view.display.setScale(scale);
    this.memory.remember(KEY, scale);
  }

  /** What this browser keeps, where it is of use: somebody may have written into its store. */
  kept() {
    const kept = this.memory.recall(KEY);
    const isIn = (/** @type {any} */ value, /** @type {number[]} */ [least, most]) =>
      Number.isInteger(value) && value >= least && value <= most;
    return isIn(kept?.range, RANGE_HU) && isIn(kept?.threshold, THRESHOLD_HU) ? kept : FIRST_SCALE;
  }
}
