// @ts-check
// What each sentence did, the most first; what chance alone changes stands at its place among them.

import { make, makeButton } from "./elements.js";

/** @typedef {import("../data/question.js").Answer} Answer */
/** @typedef {import("../data/question.js").SentenceRow & import("../data/question.js").Shown} Row */

/**
 * @typedef {object} Acts
 * @property {(without: string, whole: string) => void} compare
 * @property {(kind: "table" | "map", button: HTMLButtonElement, number?: number) => void} save
 */

const GONE = "The volume is no longer on the server.";

export class EffectRows {
  /** @param {Acts} acts */
  constructor(acts) {
    this.acts = acts;
    this.drawn = "";
    this.list = make("ol", "ct-rows", { "aria-label": "What each sentence did, the most first" });
    this.hint = make("p", "ctv-dim", { text: "Press a sentence to see B − A: HU with it minus HU without it." });
    this.table = makeButton("Save as CSV", "All rows as a table", () => acts.save("table", this.table));
    this.element = make("div", "", {}, [this.hint, this.list, this.table]);
    this.show(null, null);
  }

  /**
   * @param {Answer | null} answer
   * @param {string | null} shown  the run in the planes
   */
  show(answer, shown) {
    const told = JSON.stringify([answer?.rows, answer?.chance, answer?.state === "gone", shown]);
    if (told === this.drawn) return;
    this.drawn = told;
    const rows = [...(answer?.rows ?? [])].sort((a, b) => b.ml - a.ml);
    const chance = answer?.chance;
    const most = Math.max(1, chance?.ml ?? 0, ...rows.map(({ ml }) => ml));
    const whole = answer?.whole;
    const items = rows.map((row) => this.makeRow(row, most, whole?.is_kept ? whole.run : null, shown));
    if (chance) items.splice(rows.filter((row) => row.stands_out).length, 0, this.makeChance(chance, most));
    this.list.replaceChildren(...items);
    this.list.hidden = !items.length;
    this.hint.hidden = !rows.length;
    this.table.hidden = !rows.length || answer?.state === "gone";
  }

  /**
   * @param {Row} row
   * @param {number} most
   * @param {string | null} whole  the run of the whole report
   * @param {string | null} shown
   */
  makeRow(row, most, whole, shown) {
    const isThere = row.is_kept && whole !== null;
    const title = isThere ? `Show what changes with it: ${row.sentence}` : GONE;
    const words = [
      make("span", "ct-row-sentence", { text: row.sentence }),
      make("span", row.stands_out ? "ct-row-clear" : "ctv-dim", { text: `${row.verdict}: ${row.changed}` }),
      makeBar(row.ml / most, row.stands_out),
      make("span", "ctv-dim", { text: row.where }),
    ];
    const button = make("button", "ct-row", { type: "button", title }, words);
    button.disabled = !isThere;
    if (row.run === shown) button.setAttribute("aria-current", "true");
    if (isThere) button.addEventListener("click", () => this.acts.compare(row.run, whole));
    const save = makeButton("Save map", "HU with this sentence minus HU without it, as NIfTI", () => this.acts.save("map", save, row.number));
    save.setAttribute("aria-label", `Save map of sentence ${row.number}`);
    save.disabled = !isThere;
    return make("li", "", {}, [button, save]);
  }

  /**
   * @param {{ ml: number, words: string }} chance
   * @param {number} most
   */
  makeChance({ ml, words }, most) {
    return make("li", "ct-chance", {}, [make("span", "", { text: words }), makeBar(ml / most, false)]);
  }
}

/**
 * @param {number} share
 * @param {boolean} standsOut
 */
function makeBar(share, standsOut) {
  const filled = make("span", standsOut ? "ct-bar-clear" : "");
  filled.style.width = `${100 * share}%`;
  return make("span", "ct-bar", { "aria-hidden": "true" }, [filled]);
}
