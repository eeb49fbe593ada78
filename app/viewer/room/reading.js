// @ts-check
// What the model takes in of the report: its length, the end that is cut off, and what it read in each sentence.

import { make } from "./elements.js";

/** @typedef {import("./sentences.js").Sentences} Sentences */
/** @typedef {import("../data/edits.js").Texts} Texts */

/**
 * The server's answer (app/reading.py).
 * @typedef {object} ReportReading
 * @property {string} [problem]
 * @property {string} [count]
 * @property {string} [cut]       the end that the model will not see
 * @property {import("../data/rows.js").Sentence[]} [sentences]
 * @property {string[]} [contradicted]  findings that the report both asserts and denies at one place
 * @property {string[]} [known]   all that it can recognise; empty where it cannot say what it recognised
 */

export class Reading {
  /** @param {Sentences} sentences */
  constructor(sentences) {
    this.tokens = make("p", "ct-tokens", { role: "status" });
    this.cutText = make("q", "ct-cut-text");
    this.cut = make("p", "ct-cut", { role: "status" }, ["Too long. The model will not see the end: ", this.cutText]);
    this.contradicted = make("p", "ct-contradicted", { role: "status" });
    this.knownSummary = make("summary");
    this.knownNames = make("p");
    this.known = make("details", "ct-known", {}, [this.knownSummary, this.knownNames]);
    this.sentences = sentences;
    for (const part of [this.cut, this.contradicted, this.known]) part.hidden = true;
    this.saidElsewhere = "";
    const parts = [this.tokens, this.cut, this.contradicted, sentences.element, this.known];
    this.element = make("div", "ct-reading", {}, parts);
  }

  /**
   * @param {ReportReading} reading
   * @param {Texts} typed  that was read
   */
  show({ problem, count = "", cut = "", sentences = [], contradicted = [], known = [] }, typed) {
    this.tokens.textContent = problem || count;
    this.tokens.classList.toggle("ct-over", Boolean(problem));
    this.leaveOut(this.saidElsewhere);
    this.cut.hidden = !cut;
    this.cutText.textContent = cut;
    this.contradicted.textContent = `The report both asserts and denies: ${contradicted.join(", ")}.`;
    this.contradicted.hidden = !contradicted.length;
    this.sentences.show(sentences, typed, known.length > 0);
    this.showKnown(known);
  }

  /**
   * What is said beside the Generate button is not said here as well, for as long as it is said there.
   * @param {string} problem  empty: none
   */
  leaveOut(problem) {
    this.saidElsewhere = problem;
    this.tokens.hidden = Boolean(problem) && this.tokens.textContent === problem;
  }

  /** @param {string[]} known */
  showKnown(known) {
    const findings = known.length === 1 ? "one finding" : `${known.length} findings`;
    this.knownSummary.textContent = `The ${findings} that this model reads`;
    this.knownNames.textContent = `${known.join(", ")}.`;
    this.known.hidden = !known.length;
  }
}
