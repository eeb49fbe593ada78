// @ts-check
// A sentence of the report in the list: its words, what the model read in it, and what can be done with it.

import { make } from "./elements.js";

/** @typedef {import("../data/rows.js").Chip} Chip */
/** @typedef {import("../data/rows.js").Row} Row */
/** @typedef {import("../data/word_diff.js").DiffPart} DiffPart */
/** @typedef {"find" | "drop" | "turn" | "restore"} Act */

const TURNS = { deny: "Deny", assert: "Assert" };
const TITLES = {
  drop: "Take it out of the report",
  deny: "Put a plain denial in its place",
  assert: "Put a plain assertion in its place",
  restore: "Put back what stood here",
};
const MOST_NAMED = 3; // sentences that contradict one

/**
 * @param {Row} row
 * @param {DiffPart[]} words  of the sentence, against the report of the volume that is shown
 * @param {boolean} isRead    whether the model can say what it read
 * @param {(act: Act) => void} press
 */
export function makeRow(row, words, isRead, press) {
  const { sentence, edit, number } = row;
  const title = sentence ? `${sentence.text}\nPress to select it in the report` : "Dropped from the report";
  const text = make("button", "ct-words", { type: "button", title, "data-act": "find" });
  text.append(...(sentence ? words.flatMap(makeWords) : [make("del", "", { text: edit?.original.trim() ?? "" })]));
  text.addEventListener("click", () => press("find"));
  const name = sentence ? `sentence ${number}` : "the dropped sentence";
  const acts = actsOf(row).map(([act, label, title]) => {
    const button = make("button", "ct-act", { type: "button", title, text: label, "data-act": act, "aria-label": `${label} ${name}` });
    button.addEventListener("click", () => press(act));
    return button;
  });
  const said = sentence && isRead ? saidOf(sentence) : [];
  const group = make("span", "ct-acts", {}, acts);
  return make("li", rowClass(row), { value: String(number) }, [
    make("span", "ct-number", { "aria-hidden": "true", text: sentence ? String(number) : "" }),
    make("div", "ct-line", {}, [text, group]),
    ...(said.length ? [make("ul", "ct-chips", { "aria-label": `What the model read in ${name}` }, said)] : []),
  ]);
}

/** @param {Row} row */
function rowClass({ sentence, edit }) {
  if (!sentence) return "ct-sentence ct-dropped";
  return edit ? "ct-sentence ct-edited" : "ct-sentence";
}

/**
 * @param {Row} row
 * @returns {[Act, string, string][]}  with label and title
 */
function actsOf({ sentence, edit }) {
  /** @type {[Act, string, string][]} */
  const acts = [];
  if (sentence?.place) acts.push(["drop", "Drop", TITLES.drop]);
  if (sentence?.place && sentence.turn) acts.push(["turn", TURNS[sentence.turn], TITLES[sentence.turn]]);
  if (edit) acts.push(["restore", "Restore", `${TITLES.restore}: “${edit.original.trim()}”`]);
  return acts;
}

/**
 * The space behind words is not marked with them.
 * @param {DiffPart} part
 * @returns {(Element | string)[]}
 */
function makeWords({ text, kind }) {
  if (kind === "same") return [text];
  const words = text.trimEnd();
  const made =
    kind === "added"
      ? make("mark", "", { text: words, title: "Not in the report of the volume that is shown" })
      : make("del", "", { text: words, title: "In the report of the volume that is shown" });
  return words ? [made, text.slice(words.length)] : [text];
}

/** @param {import("../data/rows.js").Sentence} sentence */
function saidOf({ text, chips, unread, is_cut: isCut }) {
  if (isCut) return [make("li", "ct-unread", { text: "beyond the limit: the model does not see it" })];
  const parts = unread.map((part) => (part === text ? "not recognised" : `not recognised: “${part}”`));
  return [...chips.flatMap(makeChip), ...parts.map((part) => make("li", "ct-unread", { text: part }))];
}

/** @param {Chip} chip */
function makeChip({ text, asserted, against, seldom }) {
  const chips = [make("li", asserted ? "ct-asserted" : "ct-denied", { text })];
  if (against.length) {
    const named = against.slice(0, MOST_NAMED).join(", ") + (against.length > MOST_NAMED ? " …" : "");
    chips.push(make("li", "ct-against", { text: `contradicts ${against.length > 1 ? "sentences" : "sentence"} ${named}` }));
  }
  if (seldom) {
    chips.push(make("li", "ct-seldom", { text: seldom.short, title: seldom.long }, [make("span", "ct-long", { text: ` ${seldom.long}` })]));
  }
  return chips;
}
