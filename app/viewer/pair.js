// @ts-check
// Which run is B, the one that the shown one, A, is compared with: it is followed as A is, and a reload keeps it.

import { UNKNOWN, knownOf } from "./data/facts.js";
import { nameOf, ownNamesOf, pairWords, titleOf } from "./pair_words.js";
import { pairStateOf, restorePair } from "./view_state.js";
import { showRun } from "./visit_runs.js";

/** @typedef {import("./compared.js").Compared} Compared */
/** @typedef {import("./compared.js").Mode} Mode */
/** @typedef {import("./data/feed.js").Feed} Feed */
/** @typedef {import("./data/transport.js").Manifest} Manifest */
/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./session.js").Session} Session */

const PAIR_KEY = "ctflow-pair";
const DELETED = "B was deleted, so the comparison is closed.";
const LOST = "The server does not answer about B. Trying again; what you see stays.";
const GONE = "B is no longer on the server. Its slices that you see stay while this page is open.";
const GONE_UNSEEN = "B is no longer on the server. Hold another run as B.";

export class Pair {
  /**
   * @param {Session} session  whose run is A
   * @param {Compared} compared
   */
  constructor(session, compared) {
    this.session = session;
    this.compared = compared;
    this.changed = () => {}; // for whoever tells of it
    /** @type {string | null} B's run */
    this.run = null;
    this.isHeld = false; // whether the person has chosen it: then another Generate leaves it
    /** @type {Feed | null} while the server knows B */
    this.feed = null;
    this.known = UNKNOWN; // of B's volume
    this.notice = ""; // what has happened to B
    this.words = ""; // all that has to be said
    session.feeds.listeners.push(this);
  }

  /**
   * Makes a run B; it is fetched again if need be.
   * @param {string} run
   * @param {boolean} isHeld  whether the person has chosen it
   */
  hold(run, isHeld = true) {
    const { feeds, shown } = this.session;
    this.run = run;
    this.isHeld = isHeld;
    this.notice = "";
    this.feed = feeds.hold(run);
    feeds.makeRoom([shown, this.feed]);
    this.update();
  }

  /** Another run will be A: the one that was, becomes B by itself, unless the person holds one as B. */
  handOver() {
    const { viewed, view, feeds, known } = this.session;
    if (!viewed || this.isHeld) return;
    if (feeds.get(viewed)) return this.hold(viewed, false);
    Object.assign(this, { run: viewed, isHeld: false, feed: null, notice: GONE, known });
    this.compared.b.setVolume(view.volume); // the server no longer has it, but the page has
    this.update();
  }

  /** @param {Mode} mode */
  setMode(mode) {
    this.compared.setMode(mode);
    this.update();
  }

  /** @param {boolean} aligned */
  setAligned(aligned) {
    this.compared.setAligned(aligned);
    this.update();
  }

  /** Whether the server knows both, and they are two. */
  get canSwap() {
    return Boolean(this.session.shown && this.feed?.volume && this.session.shown !== this.feed);
  }

  /** Each takes the other's place, and both are looked at where they were. */
  swap() {
    const { session, feed, compared: { a, link } } = this;
    if (!this.canSwap || !feed || !session.shown || !link) return;
    const there = link.toB(a.point).map(Math.round);
    this.hold(session.shown.run, this.isHeld);
    session.seen.add(feed.run);
    showRun(session, feed.run);
    if (link.holds) a.moveTo(there);
  }

  /** @param {string} notice  why, if the person has not asked for it */
  close(notice = "") {
    Object.assign(this, { run: null, isHeld: false, feed: null, notice });
    this.compared.setMode("alone");
    this.compared.setAligned(false);
    this.compared.b.setVolume(null);
    this.update();
  }

  /**
   * A run was taken out of the visit.
   * @param {string} run
   */
  removed(run) {
    if (run === this.run) this.close(DELETED);
  }

  /** Keeps what a reload should not change. */
  save() {
    const { run, isHeld } = this;
    this.session.memory.remember(PAIR_KEY, run && { run, isHeld, ...pairStateOf(this.compared) });
  }

  /** After a reload. */
  resume() {
    const kept = this.session.memory.recall(PAIR_KEY);
    if (!kept || this.run) return;
    restorePair(this.compared, kept);
    this.hold(kept.run, kept.isHeld);
    this.feed?.marks.restore(kept.marks);
  }

  /** Brings the view of B, the names of both, and what is said of them, up to date. */
  update() {
    const { session, feed, run, compared: { a, b } } = this;
    if (feed?.volume && feed.volume !== b.volume) this.showVolume(feed.volume, feed);
    else if (feed && !feed.volume && b.volume) b.setVolume(null);
    a.name = run && session.viewed ? nameOf("A", session.viewed, session) : titleOf(session.viewed, session);
    b.name = run ? nameOf("B", run, session) : "";
    [a.ownName, b.ownName] = run && session.viewed ? ownNamesOf(session.viewed, run, session) : ["", ""];
    this.words = this.notice || (run ? pairWords(this) : "");
    this.changed();
    a.changed();
  }

  /**
   * @param {Volume} volume
   * @param {Feed} feed
   */
  showVolume(volume, { run, manifest }) {
    const { b } = this.compared;
    if (manifest) this.known = knownOf(manifest, this.session.visit.find(run)?.fields);
    b.setVolume(volume);
    if (!this.compared.isLinked) b.settle();
  }

  // The feeds report here too (data/feed.js).

  /** @param {Feed} feed */
  news(feed) {
    if (feed === this.feed) this.notice = "";
    this.update();
  }

  /** @param {Feed} feed */
  slices(feed) {
    if (feed === this.feed) this.update();
  }

  /** @param {Feed} feed */
  lost(feed) {
    this.tell(feed, LOST);
  }

  /**
   * @param {Feed} feed
   * @param {string} words
   */
  refused(feed, words) {
    this.tell(feed, words);
  }

  /** @param {Feed} feed */
  gone(feed) {
    if (feed !== this.feed) return this.update();
    this.feed = null;
    this.tell(null, this.compared.b.volume ? GONE : GONE_UNSEEN);
  }

  /**
   * @param {Feed | null} feed
   * @param {string} words
   */
  tell(feed, words) {
    if (feed !== this.feed) return;
    this.notice = words;
    this.update();
  }
}

/**
 * Opens a comparison of two runs; B is not held, and so another Generate replaces it.
 * @param {Session} session
 * @param {string} runA
 * @param {string} runB
 * @param {Mode} mode
 */
export function showPair(session, runA, runB, mode) {
  session.pair.hold(runB, false);
  showRun(session, runA);
  session.pair.setMode(mode);
}
