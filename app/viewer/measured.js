// @ts-check
// What the numbers are of: A, B, and a scan that this page holds, if it is neither of them.

import { nameOf } from "./pair_words.js";

/** @typedef {import("./data/feed.js").Feed} Feed */
/** @typedef {import("./session.js").Session} Session */

/**
 * @typedef {object} Measured
 * @property {string} name
 * @property {string} run
 * @property {string} version  another one, where there are more slices
 */

const ALONE = "This volume";

/**
 * @param {Session} session
 * @returns {Measured[]}
 */
export function measured(session) {
  const { shown, pair, feeds } = session;
  if (!shown || !hasSlices(shown)) return [];
  const b = pair.feed && pair.feed !== shown && hasSlices(pair.feed) ? pair.feed : null;
  const scan = [...feeds.byRun.values()].find((feed) => feed.manifest?.is_scan && feed !== shown && feed !== b);
  const others = [
    ...(b ? [measuredAs(b, nameOf("B", b.run, session))] : []),
    ...(scan && hasSlices(scan) ? [measuredAs(scan, scan.manifest?.title || "Scan")] : []),
  ];
  const name = others.length ? nameOf("A", shown.run, session) : shown.manifest?.title || ALONE;
  return [measuredAs(shown, name), ...others];
}

/** @param {Feed} feed */
function hasSlices({ manifest }) {
  return Boolean(manifest?.chunks.length);
}

/**
 * @param {Feed} feed
 * @param {string} name
 */
function measuredAs({ run, manifest }, name) {
  return { name, run, version: `${manifest?.state} ${manifest?.chunks.length}` };
}
