import assert from "node:assert/strict";
import test from "node:test";

import { wordDiff } from "../../../app/viewer/data/word_diff.js";

const of = (parts, kind) => parts.filter((part) => part.kind === kind).map(({ text }) => text.trim());
const joined = (parts, left) => parts.filter(({ kind }) => kind !== left).map(({ text }) => text).join("");

/** The difference, which must give both texts back. */
function diff(before, after) {
  const parts = wordDiff(before, after);
  assert.equal(joined(parts, "added"), before);
  assert.equal(joined(parts, "removed"), after);
  parts.forEach(({ kind }, i) => assert.notEqual(kind, parts[i + 1]?.kind));
  return parts;
}

test("one word was replaced by another", () => {
  const parts = diff("Large right pleural effusion.", "Large left pleural effusion.");
  assert.deepEqual(of(parts, "removed"), ["right"]);
  assert.deepEqual(of(parts, "added"), ["left"]);
});

test("a sentence was left out, another was added, and a third moved nothing", () => {
  const parts = diff("Clear lungs. No effusion. Heart normal.", "No effusion. Heart normal. Old fracture.");
  assert.deepEqual(of(parts, "removed"), ["Clear lungs."]);
  assert.deepEqual(of(parts, "added"), ["Old fracture."]);
});

test("the same text differs nowhere, and an empty one everywhere", () => {
  assert.deepEqual(diff("No effusion.", "No effusion."), [{ text: "No effusion.", kind: "same" }]);
  assert.deepEqual(diff("", "New."), [{ text: "New.", kind: "added" }]);
  assert.deepEqual(diff("Old.", ""), [{ text: "Old.", kind: "removed" }]);
  assert.deepEqual(diff("", ""), []);
});

test("signs are words of their own: a size, a comma, a hyphen", () => {
  assert.deepEqual(of(diff("A 12 mm nodule", "A 14 mm nodule"), "added"), ["14"]);
  assert.deepEqual(of(diff("No effusion", "No effusion, however"), "added"), [", however"]);
});

test("the common words are as many as there can be", () => {
  const parts = diff("a b c a b b a", "c b a b a c");
  const words = of(parts, "same").join(" ").split(/\s+/);
  assert.equal(words.length, 4);
});

test("line breaks, letters with marks and half characters are given back", () => {
  diff("  Größe: 3 µm\n\n• Pleuraerguß rechts", "Größe: 3 µm\r\n• Pleuraerguss links 🫁 ");
  diff("n\u0303 \ud83e", "n\u0303 \udec1");
});

test("two long reports that have nothing in common differ as a whole, and soon", () => {
  const long = (word) => `${word} `.repeat(10_000);
  assert.deepEqual(diff(long("a"), long("b")), [
    { text: long("a"), kind: "removed" },
    { text: long("b"), kind: "added" },
  ]);
});
