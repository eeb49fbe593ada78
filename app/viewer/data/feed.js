// @ts-check
// A feed follows one run: it asks for news, fetches the chunks, and survives lost connections. Any number of feeds run
// side by side, each with a volume of its own. A feed knows nothing of the page.

import { Marks } from "./marks.js";
import { Volume } from "./volume.js";

/** @typedef {import("./transport.js").Transport} Transport */
/** @typedef {import("./transport.js").Manifest} Manifest */
/** @typedef {import("./volume.js").Chunk} Chunk */
/** @typedef {import("./volume.js").Grid} Grid */

/**
 * Who hears of a feed.
 * @typedef {object} Listener
 * @property {(feed: Feed, manifest: Manifest) => void} news     `feed.volume` is a new object where its shape changed
 * @property {(feed: Feed) => void} slices                       voxels have arrived
 * @property {(feed: Feed) => void} lost                         the server does not answer; the feed goes on asking
 * @property {(feed: Feed, words: string) => void} refused       the server refuses to answer; it goes on asking
 * @property {(feed: Feed, manifest: Manifest) => void} gone     the server no longer knows the run; the feed is over
 */

const UNFINISHED = ["waiting", "running"];
const HEARTBEAT_MS = 20000; // tells the server that somebody still looks, and the page that the server is still there
const FETCH_AGAIN_MS = 1000;
const REFUSED_MS = 3000; // a login in another tab may help

export class Feed {
  /**
   * @param {string} run
   * @param {Transport} transport
   * @param {Listener} listener
   * @param {Marks} marks  of its volume
   */
  constructor(run, transport, listener, marks = new Marks()) {
    this.run = run;
    this.transport = transport;
    this.listener = listener;
    this.marks = marks;
    this.closed = false;
    this.running = true; // as far as is known
    /** @type {Manifest | null} the last news */
    this.manifest = null;
    /** @type {Volume | null} */
    this.volume = null;
    /** @type {Set<number>} first slices of the chunks that were asked for */
    this.wanted = new Set();
    /** @type {Set<number>} first slices of the chunks that are in the volume */
    this.held = new Set();
    this.draftWanted = false; // whether the draft was asked for
  }

  /** Follows the run until the feed is closed or the server has forgotten the run. */
  async follow() {
    for (let seen = null; !this.closed; ) {
      const manifest = await this.ask("news", { seen }, () => true);
      if (!manifest || this.closed) return;
      if (manifest.problem) {
        this.listener.refused(this, manifest.problem);
        await this.transport.pause(REFUSED_MS);
      } else if (manifest.state === "gone") {
        this.close();
        this.volume?.dropDraft();
        this.listener.gone(this, manifest);
      } else {
        this.take(manifest);
        seen = manifest.version;
        if (!this.running) await this.transport.pause(this.holds(manifest.chunks) ? HEARTBEAT_MS : FETCH_AGAIN_MS);
      }
    }
  }

  /** Asks for the run to stop until that was heard, or until the run is over anyway. */
  stop() {
    return this.ask("stop", {}, () => this.running);
  }

  /** Ends the feed, but not the run. */
  close() {
    this.closed = true;
  }

  /**
   * @param {string} name
   * @param {object} asked
   * @param {() => boolean} wanted
   */
  ask(name, asked, wanted) {
    const lost = () => this.listener.lost(this);
    return this.transport.askPatiently(name, { run: this.run, ...asked }, () => !this.closed && wanted(), lost);
  }

  /** @param {Manifest} manifest */
  take(manifest) {
    this.manifest = manifest;
    this.running = UNFINISHED.includes(manifest.state);
    if (manifest.grid) this.place(manifest.grid);
    if (this.volume) this.volume.isScan = manifest.is_scan && !manifest.is_synthetic;
    for (const chunk of manifest.chunks) this.fetch(chunk);
    if (manifest.draft) this.fetchDraft(manifest.draft);
    this.dropDraft();
    this.listener.news(this, manifest);
  }

  /** @param {Grid} grid */
  place(grid) {
    if (!this.volume) this.volume = new Volume(grid, undefined, undefined, this.marks);
    else if (grid.shape[0] < this.volume.shape[0]) this.volume = this.volume.shortened(grid);
  }

  /**
   * A chunk that does not arrive is fetched again after the next news.
   * @param {Chunk} chunk
   */
  async fetch(chunk) {
    if (this.wanted.has(chunk.first)) return;
    this.wanted.add(chunk.first);
    try {
      const hu = await this.transport.fetchChunk(chunk.path);
      if (this.closed || !this.volume) return;
      this.volume.add(chunk, hu);
      this.held.add(chunk.first);
      this.dropDraft();
    } catch (error) {
      this.wanted.delete(chunk.first);
      return;
    }
    this.listener.slices(this);
  }

  /**
   * A draft that does not arrive is not fetched again: slices come soon.
   * @param {Chunk} draft
   */
  async fetchDraft(draft) {
    if (this.draftWanted) return;
    this.draftWanted = true;
    const hu = await this.transport.fetchChunk(draft.path).catch(() => null);
    if (!hu || this.closed || !this.volume || !this.manifest?.draft) return;
    this.volume.addDraft(draft, hu);
    this.listener.slices(this);
  }

  /** Once its slices are made and here, or the run is over, nothing of a draft is left. */
  dropDraft() {
    const { manifest, volume } = this;
    if (manifest && !manifest.draft && this.holds(manifest.chunks)) volume?.dropDraft();
  }

  /** @param {Chunk[]} chunks */
  holds(chunks) {
    return chunks.every(({ first }) => this.held.has(first));
  }
}
