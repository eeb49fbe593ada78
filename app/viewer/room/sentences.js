// @ts-check
// The report sentence by sentence. One row is the current one: its buttons are in the order of Tab, and the arrows go to
// the rows beside it.

import { partsWithin, wordDiff } from "../data/word_diff.js";
import { rowsOf } from "../data/rows.js";
import { make } from "./elements.js";
import { makeRow } from "./sentence_row.js";

/** @typedef {import("../data/edits.js").Edits} Edits */
/** @typedef {import("../data/edits.js").Texts} Texts */
/** @typedef {import("../data/rows.js").Row} Row */
/** @typedef {import("../data/rows.js").Sentence} Sentence */
/** @typedef {import("./sentence_row.js").Act} Act */

const STEPS = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity };

export class Sentences {
  /**
   * @param {Edits} edits
   * @param {(act: Act, row: Row, typed: Texts) => void} act
   */
  constructor(edits, act) {
    this.edits = edits;
    this.act = act;
    /** @type {Sentence[]} */
    this.sentences = [];
    /** @type {Texts} in which the sentences stand */
    this.typed = { findings: "", impression: "" };
    this.isRead = false; // whether the model can say what it read
    /** @type {Texts | null} of the volume that is shown; null where it is not known */
    this.shown = null;
    this.current = 0;
    this.element = make("ol", "ct-sentences", { "aria-label": "The report, sentence by sentence" });
    this.element.addEventListener("keydown", (event) => this.pressKey(event));
    this.element.addEventListener("focusin", ({ target }) => this.focused(/** @type {HTMLElement} */ (target)));
    this.draw();
  }

  /**
   * @param {Sentence[]} sentences
   * @param {Texts} typed
   * @param {boolean} isRead
   */
  show(sentences, typed, isRead) {
    Object.assign(this, { sentences, typed, isRead });
    this.draw();
  }

  /**
   * The words that the report of the volume does not have are marked.
   * @param {Texts | null} shown
   */
  compare(shown) {
    if (JSON.stringify(shown) === JSON.stringify(this.shown)) return;
    this.shown = shown;
    this.draw();
  }

  draw() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const place = this.placeOf(focused);
    const act = focused?.dataset.act;
    const rows = rowsOf(this.sentences, this.edits.edits);
    const words = this.words();
    this.element.replaceChildren(
      ...rows.map((row) => makeRow(row, words(row.sentence), this.isRead, (act) => this.act(act, row, this.typed))),
    );
    this.element.hidden = !rows.length;
    this.setCurrent(Math.min(place < 0 ? this.current : place, rows.length - 1));
    if (place >= 0) this.focus(act);
  }

  /** @returns {(sentence: Sentence | null) => import("../data/word_diff.js").DiffPart[]} */
  words() {
    const { shown, typed } = this;
    const diffs = shown && { findings: wordDiff(shown.findings, typed.findings), impression: wordDiff(shown.impression, typed.impression) };
    return (sentence) => {
      const place = sentence?.place;
      if (!sentence || !place || !diffs) return [{ text: sentence?.text ?? "", kind: "same" }];
      return partsWithin(diffs[place.field], place.start, place.end);
    };
  }

  /** @param {HTMLElement} target */
  focused(target) {
    this.setCurrent(this.placeOf(target));
    // Not under a pointer, whose press would end on another row.
    if (target.matches(":focus-visible")) this.element.children[this.current]?.scrollIntoView({ block: "nearest" });
  }

  /** @param {EventTarget | null} element */
  placeOf(element) {
    return [...this.element.children].findIndex((row) => row.contains(/** @type {Node | null} */ (element)));
  }

  /** @param {number} place */
  setCurrent(place) {
    if (place < 0) return;
    this.current = place;
    [...this.element.children].forEach((row, i) => {
      for (const button of row.querySelectorAll("button")) button.tabIndex = i === place ? 0 : -1;
    });
  }

  /** @param {string} [act]  whose button is focused, or, where the row has none, the one that undoes it */
  focus(act = "find") {
    const row = this.element.children[this.current];
    const buttons = [act, "restore", "find"].map((one) => row?.querySelector(`[data-act="${one}"]`));
    /** @type {HTMLElement | null | undefined} */ (buttons.find(Boolean))?.focus();
  }

  /** @param {KeyboardEvent} event */
  pressKey(event) {
    const step = STEPS[/** @type {keyof STEPS} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // the planes scroll with these keys, too
    this.setCurrent(Math.max(0, Math.min(this.current + step, this.element.children.length - 1)));
    this.focus();
  }
}
