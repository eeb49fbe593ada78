import assert from "node:assert/strict";
import test from "node:test";

import { rowsOf } from "../../../app/viewer/data/rows.js";
import { partsWithin, wordDiff } from "../../../app/viewer/data/word_diff.js";

const sentence = (text, field, start) => ({ text, place: field && { field, start, end: start + text.length } });
const dropped = (original, at) => ({ id: original, at, written: "", original });
const rows = (sentences, findings = [], impression = []) => rowsOf(sentences, { findings, impression });
/** The words of each row, those that were dropped in brackets. */
const words = (rows) => rows.map((row) => (row.sentence ? row.sentence.text : `[${row.edit.original}]`));

test("what was dropped stands where it stood, and sentences keep their numbers", () => {
  const some = [sentence("A.", "findings", 0), sentence("C.", "findings", 3), sentence("X.", "impression", 0)];
  const list = rows(some, [dropped("B.", 3), dropped("D.", 5)], [dropped("W.", 0), dropped("Y.", 2)]);
  assert.deepEqual(words(list), ["A.", "[B.]", "C.", "[D.]", "[W.]", "X.", "[Y.]"]);
  assert.deepEqual(list.map(({ number }) => number), [1, 0, 2, 0, 0, 3, 0]);
});

test("a report of which all was dropped is a list of that", () => {
  assert.deepEqual(words(rows([], [dropped("A.", 0), dropped("B.", 0)], [dropped("X.", 0)])), ["[A.]", "[B.]", "[X.]"]);
  assert.deepEqual(rows([]), []);
});

test("sentences that were pasted in another order stand as the model takes them in", () => {
  const some = [sentence("F.", "findings", 20), sentence("no place"), sentence("I.", "findings", 4)];
  assert.deepEqual(words(rows(some, [dropped("G.", 23)])), ["F.", "no place", "I.", "[G.]"]);
});

test("a sentence knows the edit that it stands in, and no other", () => {
  const denial = { id: "1", at: 3, written: "No B.", original: "B." };
  const [one, two, three] = rows([sentence("A.", "findings", 0), sentence("No B.", "findings", 3), sentence("C.", "findings", 9)], [denial]);
  assert.deepEqual([one.edit, two.edit, three.edit], [null, denial, null]);
});

test("a sentence shows its own words of a difference, and what was taken out of its midst", () => {
  const [before, after] = ["Large right effusion. Old. Clear.", "Small right effusion. Clear."];
  const parts = wordDiff(before, after);
  assert.deepEqual(partsWithin(parts, 0, 21), [
    { text: "Small ", kind: "added" },
    { text: "right effusion.", kind: "same" },
  ]);
  assert.deepEqual(partsWithin(parts, 22, 28), [{ text: "Clear.", kind: "same" }], "a whole sentence is none of its words");
  assert.deepEqual(partsWithin(wordDiff("no big mass", "no mass"), 0, 7), [
    { text: "no ", kind: "same" },
    { text: "big ", kind: "removed" },
    { text: "mass", kind: "same" },
  ]);
});
