// @ts-check
// One tab: it asks for runs, holds a feed for each, shows one of them, and finds it again after a reload. Every question
// may be asked again, so a lost connection costs time and nothing else.

import { Compared } from "./compared.js";
import { UNKNOWN, knownOf } from "./data/facts.js";
import { Feeds } from "./data/feeds.js";
import { newId } from "./data/memory.js";
import { Visit } from "./data/visit.js";
import { Pair } from "./pair.js";
import { IDLE, LOST, NO_DOWNLOAD, PREVIOUS, STOPPED, goneWords } from "./session_words.js";
import { keepView, recallView } from "./view_state.js";
import { takePicture } from "./visit_runs.js";

/** @typedef {import("./data/example.js").Example} Example */
/** @typedef {import("./data/feed.js").Feed} Feed */
/** @typedef {import("./data/memory.js").Memory} Memory */
/** @typedef {import("./data/transport.js").Manifest} Manifest */
/** @typedef {import("./data/transport.js").Transport} Transport */
/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./stage.js").Stage} Stage */
/** @typedef {import("./view.js").View} View */

const RUN_KEY = "ctflow-run"; // what this tab shows
const ASKED_KEY = "ctflow-asked"; // what it has asked for and has had no answer to

export class Session {
  /**
   * @param {View} view
   * @param {Stage} stage
   * @param {Transport} transport
   * @param {Memory} memory    of this tab
   * @param {string} visitor   who asks, for taking turns
   * @param {Example | null} example  for the planes, until there is something else
   * @param {Visit} visit      the runs so far
   */
  constructor(view, stage, transport, memory, visitor, example = null, visit = new Visit(memory, "")) {
    this.view = view;
    this.stage = stage;
    this.transport = transport;
    this.memory = memory;
    this.visitor = visitor;
    this.example = example;
    this.visit = visit;
    this.feeds = new Feeds(transport, this);
    this.pair = new Pair(this, new Compared(view));
    /** @type {Feed | null} the feed that is shown, while the server knows its run */
    this.shown = null;
    /** @type {string | null} the run that was asked for and not answered yet */
    this.asked = null;
    /** @type {string | null} the run whose volume is in the view */
    this.viewed = null;
    /** @type {Set<string>} runs that have been in the view */
    this.seen = new Set();
    this.idle = false; // whether the page says how to begin, and nothing of a run
    this.known = UNKNOWN; // of the volume that is in the view
    this.busy = false; // whether there is something to stop, rather than to generate
    this.sayLost = () => stage.say(LOST);
    this.showIdle();
  }

  /** Nothing is shown of a run: says how to begin, and shows the example where nothing else stands in the planes. */
  showIdle() {
    this.idle = true;
    const detail = this.view.isStandIn ? (this.example?.detail ?? "") : "";
    this.stage.show({ state: "idle", stopping: false, status: IDLE, detail, share: 0, chunks: [] });
  }

  /** Shows the example, unless something else stands in the planes by the time that it is here. */
  async showExample() {
    const loading = this.view.volume ? null : this.example?.load(this.transport);
    const volume = await loading;
    if (!volume || !this.example || this.view.volume) return;
    this.known = this.example.known;
    this.view.setStandIn(volume, this.known.caption);
    if (this.idle && !this.shown && !this.asked) this.showIdle();
  }

  /** After a reload: the run that was asked for last, or else the one that was shown. */
  async resume() {
    const wanted = () => !this.shown && !this.asked;
    for (const key of [ASKED_KEY, RUN_KEY]) {
      const run = this.memory.recall(key);
      if (!run || !wanted()) continue;
      const manifest = await this.transport.askPatiently("news", { run, seen: null }, wanted, this.sayLost);
      if (manifest && wanted() && (manifest.state !== "gone" || key === RUN_KEY)) this.show(this.hold(run));
    }
    this.pair.resume();
    if (this.asked) return;
    this.memory.remember(ASKED_KEY, null);
    if (this.shown) return;
    this.showIdle();
    await this.showExample();
  }

  /**
   * Asks for a run, and shows it in place of the one that was shown.
   * @param {Record<string, any>} fields
   * @param {Record<string, any>} wish  what is asked for, where it is something else than the fields
   */
  async generate(fields, wish = fields) {
    if (this.busy) return;
    const run = newId();
    this.asked = run;
    this.memory.remember(ASKED_KEY, run);
    this.stage.explain("");
    this.updateBusy();
    const asked = { ...wish, run, visitor: this.visitor };
    const answer = await this.transport.askPatiently("start", asked, () => this.asked === run, this.sayLost);
    if (this.asked !== run) return; // taken back meanwhile
    this.asked = null;
    this.memory.remember(ASKED_KEY, null);
    if (answer.problem) {
      this.stage.explain(answer.problem);
      this.updateBusy();
      if (!this.shown) this.showIdle();
    } else {
      this.visit.add(run, fields, Date.now());
      this.pair.handOver();
      this.show(this.hold(run));
      this.stage.comeIntoSight();
    }
  }

  /** Stop is never lost either. */
  async stop() {
    if (this.asked) return this.takeBack(this.asked);
    const answer = await this.shown?.stop();
    if (answer?.problem) this.stage.explain(answer.problem);
  }

  /**
   * The server may hear of the start before or after the stop. Until it has heard the stop, a reload finds the run.
   * @param {string} run
   */
  async takeBack(run) {
    this.asked = null;
    this.updateBusy();
    const answer = await this.transport.askPatiently("stop", { run }, () => true, this.sayLost);
    if (answer.problem) this.stage.explain(answer.problem);
    if (this.asked || answer.problem) return;
    this.memory.remember(ASKED_KEY, null);
    if (!this.busy) this.stage.say(STOPPED);
  }

  /**
   * What is made so far, as a file on the server; null where there is none, which is then explained.
   * @param {string} kind
   * @param {string | undefined} run
   */
  async download(kind, run = this.shown?.run) {
    if (!run) return null;
    this.stage.explain("");
    // Once: the person who waits for it can see that it did not come.
    const answer = await this.transport.ask("export", { run, kind });
    if (answer && !answer.problem) return { url: this.transport.fileUrl(answer.path), name: answer.name };
    this.stage.explain(answer ? answer.problem : NO_DOWNLOAD);
    return null;
  }

  /**
   * Begins to follow a run, whether it is shown or not.
   * @param {string} run
   */
  hold(run) {
    return this.feeds.hold(run);
  }

  /**
   * No longer follows a run; the run itself goes on.
   * @param {Feed} feed
   */
  release(feed) {
    this.feeds.release(feed);
    if (this.shown === feed) this.shown = null;
  }

  /**
   * Shows a feed in the planes and below them.
   * @param {Feed} feed
   */
  show(feed) {
    this.shown = feed;
    this.feeds.makeRoom([feed, this.pair.feed]);
    if (this.viewed === feed.run) this.view.setCaption("");
    else if (!feed.volume && this.viewed) this.view.setCaption(PREVIOUS);
    this.memory.remember(RUN_KEY, feed.run);
    if (feed.manifest) this.showNews(feed, feed.manifest);
  }

  /** There is no run any more: the planes are as on arrival. */
  showNothing() {
    this.memory.remember(RUN_KEY, null);
    this.viewed = null;
    this.view.setVolume(null);
    this.pair.update();
    this.view.setGrowing(false);
    this.updateBusy();
    this.showIdle();
    this.showExample();
  }

  /** Keeps what a reload should not change. */
  saveView() {
    this.pair.save();
    if (this.shown && this.shown.run === this.viewed) keepView(this.memory, this.shown.run, this.view);
  }

  // The feeds report here: the session is their listener (data/feed.js).

  /**
   * @param {Feed} feed
   * @param {Manifest} manifest
   */
  news(feed, manifest) {
    if (manifest.needs_driver) this.stage.drive(feed.run);
    takePicture(this, feed);
    if (feed === this.shown) this.showNews(feed, manifest);
  }

  /** @param {Feed} feed */
  slices(feed) {
    takePicture(this, feed);
    if (feed !== this.shown) return;
    this.view.arrived();
    this.settleIfDone(feed);
  }

  /** @param {Feed} feed */
  lost(feed) {
    if (feed === this.shown) this.stage.say(LOST);
  }

  /**
   * @param {Feed} feed
   * @param {string} words
   */
  refused(feed, words) {
    if (feed === this.shown) this.stage.say(words);
  }

  /**
   * The server has forgotten the run, or was restarted. What is on the screen needs no server.
   * @param {Feed} feed
   * @param {Manifest} manifest
   */
  gone(feed, manifest) {
    const wasShown = feed === this.shown;
    this.release(feed);
    if (!wasShown) return;
    this.memory.remember(RUN_KEY, null);
    this.idle = false;
    this.stage.show({ ...manifest, status: goneWords(feed, manifest) });
    this.view.setGrowing(false);
    this.updateBusy();
    this.showExample();
  }

  /**
   * @param {Feed} feed
   * @param {Manifest} manifest
   */
  showNews(feed, manifest) {
    if (!feed.volume) this.showExample();
    else if (feed.volume !== this.view.volume) this.showVolume(feed.run, feed.volume, manifest);
    this.idle = false;
    this.stage.show(manifest);
    this.view.setGrowing(feed.running && feed.volume !== null);
    this.settleIfDone(feed);
    this.updateBusy();
    this.pair.update();
  }

  /**
   * The last voxels may come before or after the word that they are the last ones.
   * @param {Feed} feed
   */
  settleIfDone(feed) {
    const { manifest } = feed;
    if (manifest?.state !== "finished" || !feed.holds(manifest.chunks) || !feed.volume) return;
    this.view.settle();
  }

  /**
   * @param {string} run
   * @param {Volume} volume
   * @param {Manifest} manifest
   */
  showVolume(run, volume, manifest) {
    if (this.viewed === run) return this.view.shorten(volume);
    const isBack = this.seen.has(run);
    this.seen.add(run);
    this.viewed = run;
    this.known = knownOf(manifest, this.visit.find(run)?.fields);
    this.feeds.makeRoom([this.shown, this.pair.feed]); // now that its size is known
    this.view.setVolume(volume, !isBack);
    if (!isBack) recallView(this.memory, run, this.view);
  }

  updateBusy() {
    const busy = this.asked !== null || Boolean(this.shown?.running);
    if (busy === this.busy) return;
    this.busy = busy;
    this.stage.busyChanged();
  }
}
