// @ts-check
// Going on from the volume that is shown: the rest from the edited report, more of it, or the rest of a stopped one.

import { make, makeButton, makeNumber } from "./elements.js";

/** @typedef {import("../data/transport.js").Manifest} Manifest */

/**
 * The volume that is shown.
 * @typedef {object} Place
 * @property {string} run
 * @property {Manifest["state"]} state
 * @property {number} slices   that are made
 * @property {number} slice    that is shown, counted from 0
 */

/**
 * What is asked for beside the run that it goes on from.
 * @typedef {object} Wish
 * @property {boolean} edited  whether the report counts as it is written now
 * @property {number} [keep]   chunks that stay
 * @property {number} [chunks] of the whole volume
 * @property {string} kept     what stays, in words
 */

const NONE = "Show a volume that was made here. A scan is continued with the button below the planes.";

export class GoingOn {
  /**
   * @param {number} perChunk   slices of a chunk
   * @param {number} most       chunks of a volume
   * @param {(place: Place, wish: Wish) => void} goOn
   */
  constructor(perChunk, most, goOn) {
    this.perChunk = perChunk;
    this.most = most;
    this.goOn = goOn;
    /** @type {Place | null} */
    this.place = null;
    this.chunks = most;
    this.fromHere = makeButton("From here on", "Keep what lies before the chunk that is shown", () => this.ask(this.edit()));
    this.fromHereWords = make("p", "ctv-dim");
    this.longer = makeButton("Longer", "Make more slices after the last one", () => this.ask(this.lengthen()));
    this.number = makeNumber("Length of the whole volume, in chunks", "Chunks", [1, most], (value) => this.setChunks(value));
    this.number.value = String(most);
    this.longerWords = make("p", "ctv-dim");
    this.rest = makeButton("Continue", "Make the rest of a volume that was stopped", () => this.ask(this.finish()));
    this.restWords = make("p", "ctv-dim");
    this.element = make("section", "ct-asked", {}, [
      make("h2", "", { text: "Go on from this volume" }),
      make("div", "ct-ask-row", {}, [this.fromHere]),
      this.fromHereWords,
      make("div", "ct-ask-row", {}, [this.longer, make("label", "ct-seeds", {}, [this.number, "chunks in all"])]),
      this.longerWords,
      make("div", "ct-ask-row", {}, [this.rest]),
      this.restWords,
    ]);
  }

  /** @param {number} chunks */
  setChunks(chunks) {
    this.chunks = chunks;
    this.describe(false);
  }

  /**
   * @param {Place | null} place
   * @param {boolean} busy
   */
  show(place, busy) {
    this.place = place;
    this.describe(busy);
  }

  /** @param {boolean} busy */
  describe(busy) {
    const { place, perChunk } = this;
    const whole = place ? Math.floor(place.slices / perChunk) : 0;
    const keep = this.keep;
    this.fromHere.disabled = busy || !keep || keep > whole;
    this.longer.disabled = busy || !whole || this.chunks <= whole;
    this.rest.disabled = busy || !whole || !["stopped", "failed"].includes(place?.state ?? "");
    this.fromHereWords.textContent = !place ? NONE : this.fromHereText(keep, whole);
    this.longerWords.textContent = !place ? "" : this.longerText(whole);
    this.restWords.textContent = place?.state === "stopped" ? `Slices 1 to ${whole * perChunk} stay.` : "For a volume that was stopped.";
  }

  /**
   * @param {number} keep
   * @param {number} whole
   */
  fromHereText(keep, whole) {
    if (!keep) return `Scroll to a slice after slice ${this.perChunk}: what lies before its chunk stays.`;
    if (keep > whole) return "Scroll to a slice that is made.";
    return `Slices 1 to ${keep * this.perChunk} stay as they are; the rest is made from the report as it is written now.`;
  }

  /** @param {number} whole */
  longerText(whole) {
    if (this.chunks <= whole) return `It has ${whole} chunks; this model makes at most ${this.most}.`;
    return `Slices 1 to ${whole * this.perChunk} stay as they are; the rest is made from the volume's own report.`;
  }

  /** The chunks before the one that is shown. */
  get keep() {
    return this.place ? Math.floor(this.place.slice / this.perChunk) : 0;
  }

  /** @returns {Wish} */
  edit() {
    return { edited: true, keep: this.keep, kept: this.slices(this.keep) };
  }

  /** @returns {Wish} */
  lengthen() {
    return { edited: false, chunks: this.chunks, kept: this.slices(Math.floor((this.place?.slices ?? 0) / this.perChunk)) };
  }

  /** @returns {Wish} */
  finish() {
    return { edited: false, kept: this.slices(Math.floor((this.place?.slices ?? 0) / this.perChunk)) };
  }

  /** @param {number} chunks */
  slices(chunks) {
    return `slices 1 to ${chunks * this.perChunk}`;
  }

  /** @param {Wish} wish */
  ask(wish) {
    if (this.place) this.goOn(this.place, wish);
  }
}
