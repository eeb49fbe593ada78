// @ts-check
// What the model takes in of the report: its length, the end that is cut off, and what it recognises.

import { make } from "./elements.js";

/**
 * The server's answer (app/present.py, `reading`).
 * @typedef {object} ReportReading
 * @property {string} [problem]
 * @property {string} [count]
 * @property {string} [cut]       the end that the model will not see
 * @property {string[]} [found]   findings that the report asserts
 * @property {string[]} [denied]  findings that it denies
 * @property {string[]} [contradicted]  findings that it both asserts and denies at one place
 * @property {string[]} [unread]  sentences, or parts of them, that the model does not recognise
 * @property {string[]} [known]   all that it can recognise; empty where it cannot say what it recognised
 */

export class Reading {
  constructor() {
    this.tokens = make("p", "ct-tokens", { role: "status" });
    this.cutText = make("q", "ct-cut-text");
    this.cut = make("p", "ct-cut", { role: "status" }, ["Too long. The model will not see the end: ", this.cutText]);
    this.chips = make("ul", "ct-found", { "aria-label": "What the model recognised" });
    this.contradicted = make("p", "ct-contradicted", { role: "status" });
    this.unreadTexts = make("span");
    this.unread = make("p", "ct-unread", {}, ["Not recognised: ", this.unreadTexts]);
    this.knownSummary = make("summary");
    this.knownNames = make("p");
    this.known = make("details", "ct-known", {}, [this.knownSummary, this.knownNames]);
    const parts = [this.cut, this.chips, this.contradicted, this.unread, this.known];
    for (const part of parts) part.hidden = true;
    this.saidElsewhere = "";
    this.element = make("div", "ct-reading", {}, [this.tokens, ...parts]);
  }

  /** @param {ReportReading} reading */
  show({ problem, count = "", cut = "", found = [], denied = [], contradicted = [], unread = [], known = [] }) {
    this.tokens.textContent = problem || count;
    this.tokens.classList.toggle("ct-over", Boolean(problem));
    this.leaveOut(this.saidElsewhere);
    this.cut.hidden = !cut;
    this.cutText.textContent = cut;
    this.chips.replaceChildren(
      ...found.map((text) => make("li", "ct-asserted", { text })),
      ...denied.map((text) => make("li", "ct-denied", { text })),
    );
    this.chips.hidden = !this.chips.children.length;
    this.contradicted.textContent = `The report both asserts and denies: ${contradicted.join(", ")}.`;
    this.contradicted.hidden = !contradicted.length;
    this.unreadTexts.replaceChildren(...unread.map((text) => make("q", "", { text })));
    this.unread.hidden = !unread.length;
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
