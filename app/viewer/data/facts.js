// @ts-check
// What a volume is, in words: for whatever leaves the page.

/**
 * @typedef {object} Facts
 * @property {string} name      in one line
 * @property {string} fileName  without its ending
 * @property {string} report    empty where the page does not know it
 */

/**
 * What is known of a volume.
 * @typedef {object} Known
 * @property {number | null} seed
 * @property {string} digest      of report and settings; empty where there is none
 * @property {string} report
 * @property {string} caption     such as "Example"
 * @property {string} [opened]    what it is called where it was opened and not made; such as "scan"
 */

/** @type {Known} */
export const UNKNOWN = { seed: null, digest: "", report: "", caption: "" };

/**
 * Of a run's volume.
 * @param {Pick<import("./transport.js").Manifest, "seed" | "digest" | "is_scan" | "is_synthetic">} manifest
 * @param {Record<string, any> | undefined} fields  that were asked for
 * @returns {Known}
 */
export function knownOf({ seed, digest, is_scan: isScan, is_synthetic: isSynthetic }, fields) {
  const opened = isSynthetic ? "synthetic-opened" : "scan";
  return { seed, digest, report: reportText(fields), caption: "", opened: isScan ? opened : "" };
}

/**
 * @param {string} model  its title
 * @param {Known} known
 * @returns {Facts}
 */
export function facts(model, { seed, digest, report, caption, opened }) {
  if (opened) return { name: opened === "scan" ? "Scan" : "Opened volume", fileName: opened, report };
  const words = [model, caption, seed === null ? "" : `seed ${seed}`, digest && `report and settings ${digest}`];
  const parts = ["synthetic-ctflow", caption.toLowerCase().replaceAll(" ", "-"), digest, seed === null ? "" : `seed${seed}`];
  return { name: words.filter(Boolean).join(" · "), fileName: parts.filter(Boolean).join("-"), report };
}

/**
 * A report as a text of one line; empty where it is not known.
 * @param {Record<string, any> | undefined} fields
 */
export function reportText({ findings, impression } = {}) {
  const parts = [["Findings", findings], ["Impression", impression]].filter(([, text]) => text?.trim());
  return parts.map(([name, text]) => `${name}: ${text.trim()}`).join(" ");
}
