// @ts-check
// What was changed in a text, word by word: the longest common subsequence of its words and signs.

/**
 * @typedef {object} DiffPart
 * @property {string} text
 * @property {"same" | "added" | "removed"} kind
 */

/** @typedef {{word: string, space: string}} Token  a word or sign, and the space behind it */

const TOKEN = /([\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}\s]|^)(\s*)/gu; // a text may begin with space
const MOST_PAIRS = 2e7; // of words to compare: 40 MB; texts beyond it differ as a whole

/**
 * Those that are not "added" join to `before`, those that are not "removed" to `after`. Neighbours are of two kinds.
 * @param {string} before
 * @param {string} after
 * @returns {DiffPart[]}
 */
export function wordDiff(before, after) {
  const [old, now] = [tokens(before), tokens(after)];
  const head = commonHead(old, now); // and no common end: "A." with "B." behind it has the same last sign
  /** @type {DiffPart[]} */
  const parts = [];
  old.slice(0, head).forEach((token, i) => pushSame(parts, token, now[i]));
  pushChanges(parts, old.slice(head), now.slice(head));
  return parts;
}

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokens(text) {
  return [...text.matchAll(TOKEN)].map(([, word, space]) => ({ word, space }));
}

/**
 * How many of the first are the same.
 * @param {Token[]} one
 * @param {Token[]} other
 */
function commonHead(one, other) {
  const differ = one.findIndex(({ word }, i) => word !== other[i]?.word);
  return differ < 0 ? one.length : differ;
}

/**
 * @param {DiffPart[]} parts
 * @param {Token[]} old
 * @param {Token[]} now
 */
function pushChanges(parts, old, now) {
  const common = old.length * now.length > MOST_PAIRS ? null : commonLengths(old, now);
  const width = now.length + 1;
  let [i, j] = [0, 0];
  while (i < old.length && j < now.length && common) {
    if (old[i].word === now[j].word) pushSame(parts, old[i++], now[j++]);
    else if (common[(i + 1) * width + j] >= common[i * width + j + 1]) push(parts, "removed", old[i++]);
    else push(parts, "added", now[j++]);
  }
  for (const token of old.slice(i)) push(parts, "removed", token);
  for (const token of now.slice(j)) push(parts, "added", token);
}

/**
 * The length of the longest common subsequence of what follows in each text: the row of `old`, the column of `now`.
 * @param {Token[]} old
 * @param {Token[]} now
 */
function commonLengths(old, now) {
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      const here = i * width + j;
      const isSame = old[i].word === now[j].word;
      common[here] = isSame ? common[here + width + 1] + 1 : Math.max(common[here + width], common[here + 1]);
    }
  }
  return common;
}

/**
 * A word that both texts have. The space behind it may be another one.
 * @param {DiffPart[]} parts
 * @param {Token} old
 * @param {Token} now
 */
function pushSame(parts, old, now) {
  push(parts, "same", { word: now.word, space: "" });
  if (old.space === now.space) return push(parts, "same", { word: "", space: now.space });
  push(parts, "removed", { word: "", space: old.space });
  push(parts, "added", { word: "", space: now.space });
}

/**
 * Adds to the last part if that is of the same kind.
 * @param {DiffPart[]} parts
 * @param {DiffPart["kind"]} kind
 * @param {Token} token
 */
function push(parts, kind, { word, space }) {
  const text = word + space;
  const last = parts[parts.length - 1];
  if (last?.kind === kind) last.text += text;
  else if (text) parts.push({ text, kind });
}

/**
 * The part of a difference that is in `after` from `start` to `end`, with what was removed in the midst of it.
 * @param {DiffPart[]} parts
 * @param {number} start
 * @param {number} end
 * @returns {DiffPart[]}
 */
export function partsWithin(parts, start, end) {
  /** @type {DiffPart[]} */
  const within = [];
  let at = 0;
  for (const { text, kind } of parts) {
    if (kind === "removed") {
      if (at > start && at < end) within.push({ text, kind });
      continue;
    }
    const cut = text.slice(Math.max(start - at, 0), Math.max(end - at, 0));
    if (cut) within.push({ text: cut, kind });
    at += text.length;
  }
  return within;
}
