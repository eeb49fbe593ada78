// @ts-check
// What the reports of two runs, and their settings, say differently.

import { settingDifferences } from "../data/differences.js";
import { wordDiff } from "../data/word_diff.js";
import { make, makeDialog } from "./elements.js";

/**
 * One of two volumes.
 * @typedef {object} Side
 * @property {string} name
 * @property {Record<string, any> | null} fields  that were asked for; null where nobody asked, or where it is not known
 */

const TEXTS = { findings: "Findings", impression: "Impression" };

export class ReportsDialog {
  /** @param {() => { a: Side, b: Side }} sides */
  constructor(sides) {
    this.sides = sides;
    this.content = make("div", "ctv-reports");
    this.element = makeDialog("Reports of A and B", [this.content]);
    this.element.classList.add("ctv-side");
  }

  show() {
    const { a, b } = this.sides();
    this.content.replaceChildren(...describe(a, b));
    this.element.showModal();
  }
}

/**
 * @param {Side} a
 * @param {Side} b
 */
function describe(a, b) {
  const names = make("p", "", { text: `A: ${a.name}. B: ${b.name}.` });
  if (!a.fields || !b.fields) {
    const without = [["A", a], ["B", b]].filter(([, side]) => !(/** @type {Side} */ (side).fields)).map(([letter]) => letter);
    return [names, make("p", "", { text: `The page knows no report of ${without.join(" and ")}.` })];
  }
  const { fields: before } = b;
  const { fields: after } = a;
  const key = make("p", "ctv-note", {}, [make("del", "", { text: "only in B" }), " ", make("ins", "", { text: "only in A" })]);
  const texts = Object.entries(TEXTS).map(([field, title]) => [title, before[field] ?? "", after[field] ?? ""]);
  const settings = settingDifferences(before, after);
  return [
    names,
    key,
    ...texts.filter(([, old, now]) => old || now).flatMap(([title, old, now]) => [make("h3", "", { text: title }), makeText(old, now)]),
    make("h3", "", { text: "Settings, from B to A" }),
    make("p", "", { text: settings.join(", ") || "the same" }),
  ];
}

/**
 * @param {string} before
 * @param {string} after
 */
function makeText(before, after) {
  if (before === after) return make("p", "", {}, [before, make("span", "ctv-dim", { text: " (the same)" })]);
  const tags = /** @type {const} */ ({ same: "span", added: "ins", removed: "del" });
  return make("p", "", {}, wordDiff(before, after).map(({ text, kind }) => make(tags[kind], "", { text })));
}
