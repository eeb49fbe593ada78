// @ts-check
// What a run was asked for, against another one.

const REPORT = ["findings", "impression"];
const KEPT = "kept"; // slices of another run that it goes on from, in words

/**
 * A phrase for each difference: sentences that were added or left out, and fields that have another value. What was done
 * to a sentence of both texts is said once.
 * @param {Record<string, any>} before
 * @param {Record<string, any>} after
 */
export function differences(before, after) {
  const reports = REPORT.flatMap((name) => sentenceDifferences(before[name], after[name]));
  return [...new Set(reports), ...settingDifferences(before, after)];
}

/**
 * A phrase for each field beside the report's texts that has another value.
 * @param {Record<string, any>} before
 * @param {Record<string, any>} after
 */
export function settingDifferences(before, after) {
  const others = Object.keys(after).filter((name) => ![...REPORT, KEPT].includes(name) && before[name] !== after[name]);
  const kept = after[KEPT] ? [`${after[KEPT]} kept`] : [];
  return [...kept, ...others.map((name) => `${name} ${words(before[name])} → ${words(after[name])}`)];
}

/**
 * @param {string | undefined} before
 * @param {string | undefined} after
 */
function sentenceDifferences(before, after) {
  const [old, now] = [sentences(before), sentences(after)];
  const [left, added] = [old.filter((one) => !now.includes(one)), now.filter((one) => !old.includes(one))];
  return [...added.map((one) => `with “${one}”`), ...left.map((one) => `without “${one}”`)];
}

/** @param {string | undefined} text */
function sentences(text) {
  return (text ?? "").split(/(?<=[.!?])\s+|\n+/).map((one) => one.trim()).filter(Boolean);
}

/** @param {any} value */
function words(value) {
  return value === undefined || value === null || value === "" ? "none" : String(value);
}
