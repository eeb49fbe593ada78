// @ts-check
// What the buttons beside the sentences did to the report, so that each can be undone, whatever was typed meanwhile. This
// tab keeps it, since it holds text of the report.

import { newId } from "./memory.js";

/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {"findings" | "impression"} Field */
/** @typedef {Record<Field, string>} Texts  of the two fields */

/**
 * In a field, `written` stands at `at` in the place of `original`. It is empty where that was dropped.
 * @typedef {{id: string, at: number, written: string, original: string}} Edit
 */

/** @typedef {{start: number, end: number, size: number}} Splice  `size` characters stand where `start` to `end` was */

/** @type {Field[]} */
export const TEXT_FIELDS = ["findings", "impression"];
const ANEW = 1 / 4; // a field of which less than this is left was written anew, and nothing of it can be put back

export class Edits {
  /**
   * @param {Memory} memory  of this tab
   * @param {string} key
   */
  constructor(memory, key) {
    this.memory = memory;
    this.key = key;
    const kept = memory.recall(key);
    /** @type {Texts} as they were last seen */
    this.texts = kept?.texts ?? { findings: "", impression: "" };
    /** @type {Record<Field, Edit[]>} in the order of the text */
    this.edits = kept?.edits ?? { findings: [], impression: [] };
  }

  /**
   * What stands in the fields now, whoever wrote it.
   * @param {Texts} texts
   */
  see(texts) {
    for (const field of TEXT_FIELDS) {
      const [before, after] = [this.texts[field], texts[field]];
      if (before === after) continue;
      this.edits[field] = isAnew(before, after) ? [] : moved(this.edits[field], difference(before, after));
      this.texts[field] = after;
    }
    this.keep();
  }

  /**
   * Writes `text` in the place of what stands from `start` to `end`. What was edited in there before belongs to this
   * edit, so that undoing it brings back what stood there first.
   * @param {Field} field
   * @param {number} start
   * @param {number} end
   * @param {string} text
   */
  write(field, start, end, text) {
    const [edits, now] = [this.edits[field], this.texts[field]];
    const within = edits.filter((edit) => edit.at < end && endOf(edit) > start);
    const [first, last] = [Math.min(start, ...within.map(({ at }) => at)), Math.max(end, ...within.map(endOf))];
    const written = now.slice(first, start) + text + now.slice(end, last);
    const original = undone(within, now, first, last);
    const edit = written === original ? [] : [{ id: newId(), at: first, written, original }];
    const splice = { start: first, end: last, size: written.length };
    const others = edits.filter((one) => !within.includes(one));
    this.edits[field] = [
      ...others.filter((one) => endOf(one) <= first),
      ...edit,
      ...moved(others.filter((one) => endOf(one) > first), splice),
    ];
    this.put(field, first, last, written);
  }

  /**
   * Puts back what stood there before an edit.
   * @param {Field} field
   * @param {string} id
   */
  undo(field, id) {
    const [edits, now] = [this.edits[field], this.texts[field]];
    const place = edits.findIndex((one) => one.id === id);
    const edit = edits[place];
    if (!edit) return;
    const text = spaced(now.slice(0, edit.at), edit.original, now.slice(endOf(edit)));
    const shift = text.length - edit.written.length;
    const later = edits.slice(place + 1).map((one) => ({ ...one, at: one.at + shift }));
    this.edits[field] = [...edits.slice(0, place), ...later];
    this.put(field, edit.at, endOf(edit), text);
  }

  /** Nothing can be undone any more: another report takes the place of this one. */
  forget() {
    this.edits = { findings: [], impression: [] };
    this.keep();
  }

  /**
   * @param {Field} field
   * @param {number} start
   * @param {number} end
   * @param {string} text
   */
  put(field, start, end, text) {
    this.texts[field] = this.texts[field].slice(0, start) + text + this.texts[field].slice(end);
    this.keep();
  }

  keep() {
    this.memory.remember(this.key, { texts: this.texts, edits: this.edits });
  }
}

/** @param {Edit} edit */
export function endOf({ at, written }) {
  return at + written.length;
}

/**
 * The one change that leads from a text to another.
 * @param {string} before
 * @param {string} after
 * @returns {Splice}
 */
function difference(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start++;
  let tail = 0;
  while (tail < most - start && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { start, end: before.length - tail, size: after.length - tail - start };
}

/**
 * @param {string} before
 * @param {string} after
 */
function isAnew(before, after) {
  const { start, end } = difference(before, after);
  return before.trim() !== "" && after.trim() !== "" && start + before.length - end < ANEW * before.length;
}

/**
 * Where edits are after a change of the text. One whose own words were changed keeps what it took away, and puts it
 * behind them: they are no longer its own.
 * @param {Edit[]} edits
 * @param {Splice} splice
 */
function moved(edits, { start, end, size }) {
  const shift = size - (end - start);
  return edits.map((edit) => {
    const last = endOf(edit);
    if (last <= start) return edit;
    if (edit.at >= end) return { ...edit, at: edit.at + shift };
    return { ...edit, at: edit.written ? Math.max(last, end) + shift : start, written: "" };
  });
}

/**
 * What stands from `first` to `last`, with these edits undone.
 * @param {Edit[]} edits
 * @param {string} text
 * @param {number} first
 * @param {number} last
 */
function undone(edits, text, first, last) {
  let [made, at] = ["", first];
  for (const edit of edits) {
    made += text.slice(at, edit.at) + edit.original;
    at = endOf(edit);
  }
  return made + text.slice(at, last);
}

/**
 * What is put back, with a space where it would touch another word.
 * @param {string} before
 * @param {string} text
 * @param {string} after
 */
function spaced(before, text, after) {
  const left = /\S$/.test(before) && /^\S/.test(text) ? " " : "";
  const right = /^\S/.test(after) && /\S$/.test(text) ? " " : "";
  return left + text + right;
}

/**
 * What goes with a sentence when it is dropped: its number in a list if nothing else stands in its line, and the space
 * behind it, or before it if it is the last.
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
export function dropped(text, start, end) {
  const line = text.lastIndexOf("\n", start - 1) + 1;
  const isAlone = /^[^\S\n]*(\n|$)/.test(text.slice(end)) && /^\s*(?:\d+[.)]|[-•*–])\s*$/.test(text.slice(line, start));
  const first = isAlone ? line : start;
  const behind = /^\s*/.exec(text.slice(end))?.[0].length ?? 0;
  if (end + behind < text.length) return { start: first, end: end + behind };
  const before = /\s*$/.exec(text.slice(0, first))?.[0].length ?? 0;
  return { start: first - before, end };
}

/**
 * Where a sentence stands without the number or bullet of its line.
 * @param {string} sentence
 */
export function afterBullet(sentence) {
  return /^\s*(?:\d+[.)]|[-•*–])\s+/.exec(sentence)?.[0].length ?? 0;
}
