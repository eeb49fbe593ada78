// @ts-check
// The feeds that a page holds, each with a volume of its own, and how many.

import { Feed } from "./feed.js";
import { Marks } from "./marks.js";

/** @typedef {import("./feed.js").Listener} Listener */
/** @typedef {import("./transport.js").Transport} Transport */

// Volumes, which are 33 MB each at 256 slices, and a scan may be several times that; older ones are fetched again when
// they are shown.
const MOST = 4;
const MOST_BYTES = 256e6;

export class Feeds {
  /**
   * @param {Transport} transport
   * @param {Listener} listener  the first; others may join `listeners`
   */
  constructor(transport, listener) {
    this.transport = transport;
    this.listeners = [listener];
    /** @type {Map<string, Feed>} by run, in the order in which they were begun */
    this.byRun = new Map();
    /** @type {Map<string, Marks>} by run: they stay where voxels leave */
    this.marks = new Map();
  }

  get size() {
    return this.byRun.size;
  }

  /** Of all voxels that are held. */
  get bytes() {
    return [...this.byRun.values()].reduce((sum, { volume }) => sum + (volume?.hu.byteLength ?? 0), 0);
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
    const marks = this.marks.get(run) ?? new Marks();
    const feed = new Feed(run, this.transport, this.everybody(), marks);
    this.marks.set(run, marks);
    this.byRun.set(run, feed);
    feed.follow();
    return feed;
  }

  /** @returns {Listener} */
  everybody() {
    const { listeners } = this;
    return {
      news: (feed, manifest) => listeners.forEach((one) => one.news(feed, manifest)),
      slices: (feed) => listeners.forEach((one) => one.slices(feed)),
      lost: (feed) => listeners.forEach((one) => one.lost(feed)),
      refused: (feed, words) => listeners.forEach((one) => one.refused(feed, words)),
      gone: (feed, manifest) => listeners.forEach((one) => one.gone(feed, manifest)),
    };
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
   * Releases those that were begun first, but for those that are looked at and those that have slices to come.
   * @param {(Feed | null)[]} kept
   */
  makeRoom(kept) {
    const free = [...this.byRun.values()].filter((feed) => !kept.includes(feed) && !feed.running);
    for (const feed of free) {
      if (this.size <= MOST && this.bytes <= MOST_BYTES) return;
      this.release(feed);
    }
  }
}
