// @ts-check
// What was wrong with what was asked: beside the Generate button, until something else is asked.

import { make } from "./elements.js";

export class Problem {
  constructor() {
    this.element = make("p", "ct-problem", { role: "alert", hidden: "" });
  }

  /** @param {string} problem  empty: none */
  explain(problem) {
    this.element.textContent = problem;
    this.element.hidden = !problem;
  }
}
