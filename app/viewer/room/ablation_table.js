// @ts-check
// What each sentence did (the answer to that question in the tab Ask) as a table among the numbers.

import { make } from "./elements.js";

/** @typedef {import("../data/question.js").Answer} Answer */

const HEAD = ["Sentence", "What it did", "Changed", "Where"];

export class AblationTable {
  constructor() {
    this.body = make("tbody");
    const head = make("tr", "", {}, HEAD.map((text) => make("th", "", { text, scope: "col" })));
    const table = make("table", "ctv-numbers-table ctv-ablation", {}, [make("thead", "", {}, [head]), this.body]);
    this.element = make("section", "ctv-wide", {}, [make("h3", "", { text: "What each sentence did" }), table]);
    this.show(null);
  }

  /** @param {Answer | null} answer */
  show(answer) {
    const rows = answer?.rows ?? [];
    const lines = rows.map(({ sentence, verdict, changed, where }) => {
      const cells = [verdict, changed, where].map((text) => make("td", "", { text }));
      return make("tr", "", {}, [make("th", "", { text: sentence, scope: "row" }), ...cells]);
    });
    const chance = answer?.chance?.words;
    if (chance) lines.push(make("tr", "", {}, [make("td", "", { text: chance, colspan: String(HEAD.length) })]));
    this.body.replaceChildren(...lines);
    this.element.hidden = !rows.length;
  }
}
