// @ts-check
// What the buttons beside a sentence do to the text fields. Gradio owns those: they are changed by an event of its own,
// which brings what stands in them at that moment.

import { afterBullet, dropped } from "../data/edits.js";

/** @typedef {import("../data/edits.js").Edits} Edits */
/** @typedef {import("../data/edits.js").Texts} Texts */
/** @typedef {import("../data/rows.js").Row} Row */
/** @typedef {import("../data/rows.js").Sentence} Sentence */
/** @typedef {import("../data/transport.js").Transport} Transport */
/** @typedef {import("./sentence_row.js").Act} Act */
/** @typedef {{field: import("../data/edits.js").Field, start: number, end: number}} Place */

const NO_ANSWER = "The server does not answer. Check the connection and try again.";
const CHANGED = "This sentence was changed meanwhile. Try again.";

export class Editing {
  /**
   * @param {Edits} edits
   * @param {Transport} transport
   * @param {(problem: string) => void} explain
   */
  constructor(edits, transport, explain) {
    this.edits = edits;
    this.transport = transport;
    this.explain = explain;
    /** @type {(() => void)[]} what is to be done once the fields are at hand */
    this.waiting = [];
    this.askForFields = () => {}; // until Gradio's event is there
  }

  /**
   * @param {Act} act
   * @param {Row} row
   * @param {Texts} typed  in which the row was read
   */
  act(act, { sentence, field, edit }, typed) {
    if (act === "restore" && field && edit) this.later(() => this.edits.undo(field, edit.id));
    if (!sentence?.place) return;
    if (act === "find") this.find(this.locate(sentence.place, typed));
    if (act === "drop") this.later(() => this.drop(this.locate(sentence.place, typed)));
    if (act === "turn") this.turn(sentence.place, typed);
  }

  /** @param {() => void} edit */
  later(edit) {
    this.waiting.push(edit);
    this.askForFields();
  }

  /**
   * The fields are at hand: what is in them after all edits that have waited.
   * @param {Texts} texts
   * @returns {Texts}
   */
  edit(texts) {
    this.edits.see(texts);
    for (const edit of this.waiting.splice(0)) edit();
    return this.edits.texts;
  }

  /** @param {Place | null} place */
  drop(place) {
    if (!place) return this.explain(CHANGED);
    const { start, end } = dropped(this.edits.texts[place.field], place.start, place.end);
    this.edits.write(place.field, start, end, "");
  }

  /**
   * @param {Sentence["place"]} read
   * @param {Texts} typed
   */
  async turn(read, typed) {
    if (!read) return;
    const sentence = typed[read.field].slice(read.start, read.end);
    const bullet = afterBullet(sentence);
    const answer = await this.transport.ask("opposite", { sentence: sentence.slice(bullet) });
    if (!answer || answer.problem) return this.explain(answer?.problem ?? NO_ANSWER);
    this.later(() => {
      const place = this.locate(read, typed);
      if (!place) return this.explain(CHANGED);
      this.edits.write(place.field, place.start + bullet, place.end, answer.text);
    });
  }

  /**
   * Selects a sentence where it was typed.
   * @param {Place | null} place
   */
  find(place) {
    const area = place && document.querySelector(`.ct-typed-${place.field} textarea`);
    if (!(area instanceof HTMLTextAreaElement) || !place) return;
    area.focus();
    area.setSelectionRange(place.start, place.end);
  }

  /**
   * Where a sentence stands now, if it is still there: nearest to where it was read.
   * @param {Sentence["place"]} read
   * @param {Texts} typed
   * @returns {Place | null}
   */
  locate(read, typed) {
    if (!read) return null;
    const { field, start, end } = read;
    const [sentence, now] = [typed[field].slice(start, end), this.edits.texts[field]];
    const [before, behind] = [now.lastIndexOf(sentence, start), now.indexOf(sentence, start)];
    const isBefore = behind < 0 || (before >= 0 && start - before < behind - start);
    const found = isBefore ? before : behind;
    return found < 0 ? null : { field, start: found, end: found + sentence.length };
  }
}
