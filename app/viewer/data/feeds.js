// @ts-check
// The feeds that a page holds, each with a volume of its own, and how many.

import { Feed } from "./feed.js";

/** @typedef {import("./feed.js").Listener} Listener */
/** @typedef {import("./transport.js").Transport} Transport */

const MOST = 4; // volumes of 33 MB each, at 256 slices; older ones are fetched again when they are shown

export class Feeds {
  /**
   * @param {Transport} transport
   * @param {Listener} listener
   */
  constructor(transport, listener) {
    this.transport = transport;
    this.listener = listener;
    /** @type {Map<string, Feed>} by run, in the order in which they were begun */
    this.byRun = new Map();
  }

  get size() {
    return this.byRun.size;
  }

  /** @param {string} run */
  get(run) {
    return this.byRun.get(run);
  }

  /**
   * The feed of a run, which begins to follow it if there was none.
   * @param {string} run
   */
  hold(run) {
    const held = this.byRun.get(run);
    if (held) return held;
    const feed = new Feed(run, this.transport, this.listener);
    this.byRun.set(run, feed);
    feed.follow();
    return feed;
  }

  /**
   * No longer follows a run; the run itself goes on.
   * @param {Feed} feed
   */
  release(feed) {
    feed.close();
    this.byRun.delete(feed.run);
  }

  /**
   * Releases those that were begun first, but for the one that is shown and those that have slices to come.
   * @param {Feed | null} shown
   */
  makeRoom(shown) {
    const done = [...this.byRun.values()].filter((feed) => feed !== shown && !feed.running);
    for (const feed of done.slice(0, Math.max(0, done.length + 1 - MOST))) this.release(feed);
  }
}
