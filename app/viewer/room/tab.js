// @ts-check
// The browser tab's title says how far the run is, for whoever looks at another tab meanwhile.

/** @typedef {import("../stage.js").Progress} Progress */

const NAME = "CTFlow";
/** @type {Record<string, string>} */
const STATES = { waiting: "Waiting", finished: "Done", stopped: "Stopped", failed: "Failed" };

/** @param {Pick<Progress, "state" | "share">} progress */
export function tabTitle({ state, share }) {
  const words = state === "running" ? `${Math.floor(100 * share)} %` : STATES[state];
  return words ? `${words} · ${NAME}` : NAME;
}
