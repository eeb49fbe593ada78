// @ts-check
// Small pictures of runs that the page does not hold: each volume is fetched for its picture alone, one at a time.

import { Feed } from "./feed.js";

/** @typedef {import("./transport.js").Transport} Transport */
/** @typedef {import("./volume.js").Volume} Volume */

export class Pictures {
  /**
   * @param {Transport} transport
   * @param {(volume: Volume, name: string) => string} draw
   */
  constructor(transport, draw) {
    this.transport = transport;
    this.draw = draw;
    /** @type {Map<string, Promise<string>>} by run */
    this.asked = new Map();
    /** @type {Promise<unknown>} the last one that was asked for */
    this.last = Promise.resolve();
  }

  /**
   * An address that holds the whole picture; empty where its run is gone.
   * @param {string} run
   * @param {string} name  what its volume is
   */
  of(run, name) {
    const known = this.asked.get(run);
    if (known) return known;
    const picture = this.last.then(() => this.fetch(run, name));
    this.asked.set(run, picture);
    this.last = picture;
    return picture;
  }

  /**
   * @param {string} run
   * @param {string} name
   * @returns {Promise<string>}
   */
  fetch(run, name) {
    return new Promise((resolve) => {
      const end = (/** @type {Feed} */ feed, /** @type {string} */ picture) => {
        feed.close();
        resolve(picture);
      };
      const look = (/** @type {Feed} */ feed) => {
        const { manifest, volume } = feed;
        if (volume && manifest?.state === "finished" && feed.holds(manifest.chunks)) end(feed, this.draw(volume, name));
      };
      const refused = (/** @type {Feed} */ feed) => end(feed, "");
      new Feed(run, this.transport, { news: look, slices: look, lost: () => {}, refused, gone: refused }).follow();
    });
  }
}
