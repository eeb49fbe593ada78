// @ts-check
// What differs between A and B, in words: changed tissue, settings, and their reports word by word.

import { changeSentence } from "../data/change.js";
import { settingDifferences } from "../data/differences.js";
import { wordDiff } from "../data/word_diff.js";
import { make, makeDialog } from "./elements.js";

/** @typedef {import("../pair.js").Pair} Pair */
/** @typedef {Record<string, any>} Fields  what a run was asked for */

const TEXTS = { findings: "Findings", impression: "Impression" };
const HOW_COUNTED =
  "The body is what has tissue before it, behind it and on both sides of it in its slice, in A or in B, as far as both are made.";

export class DifferencesDialog {
  /** @param {Pair} pair */
  constructor(pair) {
    this.pair = pair;
    this.tissue = make("p");
    this.content = make("div", "ctv-differences");
    this.element = makeDialog("What differs", [this.content]);
    this.element.classList.add("ctv-side");
  }

  show() {
    const { session, run, compared } = this.pair;
    const [after, before] = [session.viewed, run].map((one) => reportOf(session.visit.find(one)));
    this.content.replaceChildren(
      make("h3", "", { text: "What differs" }),
      make("p", "ctv-key", {}, [make("ins", "", { text: compared.a.label }), make("del", "", { text: compared.b.label })]),
      make("h4", "", { text: "Tissue" }),
      this.tissue,
      make("p", "ctv-dim", { text: HOW_COUNTED }),
      ...(before && after ? describeReports(before, after) : [make("p", "", { text: unknownWords(after, before) })]),
    );
    this.element.showModal();
    compared.changed();
  }

  /** How much has changed so far, while it is looked at. */
  describe() {
    const words = tissueWords(this.pair.compared);
    if (this.tissue.textContent !== words) this.tissue.textContent = words;
  }
}

/** @param {import("../data/visit.js").Entry | undefined} entry */
function reportOf(entry) {
  return entry && !entry.isScan ? entry.fields : undefined;
}

/** @param {import("../compared.js").Compared} compared */
function tissueWords({ a, difference }) {
  if (!difference) return "One of the two has no slices yet.";
  const said = difference.change.isKnown ? difference.changed(changeSentence, a.display.scale.threshold) : "Counting …";
  return [said, difference.note].filter(Boolean).join(" ");
}

/**
 * @param {Fields} before
 * @param {Fields} after
 */
function describeReports(before, after) {
  const settings = settingDifferences(before, after);
  return [
    ...Object.entries(TEXTS).flatMap(([field, title]) => describeText(title, before[field] ?? "", after[field] ?? "")),
    make("h4", "", { text: "Settings, from B to A" }),
    make("p", "", { text: settings.join(", ") || "the same" }),
  ];
}

/**
 * Nothing of a text that neither has.
 * @param {string} title
 * @param {string} before
 * @param {string} after
 */
function describeText(title, before, after) {
  if (!before.trim() && !after.trim()) return [];
  const tags = /** @type {const} */ ({ same: "span", added: "ins", removed: "del" });
  const words = wordDiff(before, after).map(({ text, kind }) => make(tags[kind], "", { text }));
  return [make("h4", "", { text: before === after ? `${title}: the same` : title }), make("p", "ctv-words", {}, words)];
}

/**
 * @param {Fields | undefined} after
 * @param {Fields | undefined} before
 */
function unknownWords(after, before) {
  const names = [after ? "" : "A", before ? "" : "B"].filter(Boolean).join(" and of ");
  return `There is no report of ${names}.`;
}
