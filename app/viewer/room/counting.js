// @ts-check
// Has changed tissue counted, in turns with everything else that the page does.

/** @typedef {import("../data/difference.js").Difference} Difference */

const TURN_MS = 12;

export class Counting {
  /** @param {() => void} counted  when all has been counted that there is so far */
  constructor(counted) {
    this.counted = counted;
    /** @type {Difference | null} */
    this.difference = null;
    this.timer = 0;
  }

  /**
   * Whoever shows what has changed asks at each change of the page; another difference takes the place of the one before.
   * @param {Difference} difference
   */
  ask(difference) {
    this.difference = difference;
    if (!difference.change.isDone) this.timer ||= setTimeout(() => this.turn());
  }

  turn() {
    this.timer = 0;
    if (!this.difference) return;
    const end = performance.now() + TURN_MS;
    if (this.difference.change.work(() => performance.now() > end)) this.counted();
    else this.ask(this.difference);
  }
}
