// @ts-check
// What belongs to the difference of two volumes: its range and threshold, which this browser keeps, and how much has
// changed. Counting takes turns with everything else that the page does.

import { Change, changeWords } from "../data/change.js";
import { FIRST_SCALE, RANGE_HU, THRESHOLD_HU } from "../draw/difference.js";
import { make, makeNumber, setValue } from "./elements.js";

/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../draw/difference.js").DifferenceScale} DifferenceScale */
/** @typedef {import("../view.js").View} View */

const KEY = "ctflow-difference";
const TURN_MS = 12;

export class DifferenceControls {
  /**
   * @param {View} view      of A
   * @param {Memory} memory  of this browser
   */
  constructor(view, memory) {
    this.view = view;
    this.memory = memory;
    /** @type {Change | null} */
    this.change = null;
    this.timer = 0;
    this.range = makeNumber("Range of the colours, HU", "Differences of so many HU have the strongest colour", RANGE_HU,
      (range) => this.setScale({ ...view.display.scale, range }));
    this.threshold = makeNumber("Threshold, HU", "Smaller differences are not painted, and do not count as changed", THRESHOLD_HU,
      (threshold) => this.setScale({ ...view.display.scale, threshold }));
    this.said = make("output", "ctv-changed", { "aria-label": "Changed tissue" });
    this.element = make("div", "ctv-difference", { role: "group", "aria-label": "Difference B − A" }, [
      make("label", "", {}, ["B − A, HU: ±", this.range]),
      make("label", "", {}, ["from ±", this.threshold]),
      this.said,
    ]);
    view.display.setScale(this.kept());
    this.describe();
  }

  /** Follows the view: shows itself only where the difference is shown, and counts what is new in it. */
  describe() {
    const { difference, display } = this.view;
    this.element.hidden = !difference;
    if (difference !== this.change?.difference) this.change = difference && new Change(difference);
    if (!difference) return;
    setValue(this.range, String(display.scale.range));
    setValue(this.threshold, String(display.scale.threshold));
    this.say();
    if (!this.change?.isDone) this.timer ||= setTimeout(() => this.work());
  }

  work() {
    this.timer = 0;
    const { change } = this;
    if (!change) return;
    const end = performance.now() + TURN_MS;
    if (!change.work(() => performance.now() > end)) this.timer = setTimeout(() => this.work());
    this.say();
  }

  say() {
    const { change, view } = this;
    if (!change) return;
    const { note } = change.difference;
    const words = change.isDone ? changeWords(change.changed(view.display.scale.threshold), view.display.scale.threshold) : "Counting …";
    const text = [words, note].filter(Boolean).join(" · ");
    if (this.said.textContent === text) return;
    this.said.textContent = this.said.title = text;
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
