// @ts-check
// What is said of the run that is shown, where the page says it and not the server.

/** @typedef {import("./data/feed.js").Feed} Feed */
/** @typedef {import("./data/transport.js").Manifest} Manifest */

export const IDLE = "Write or choose a report, then press Generate.";
export const PREVIOUS = "Previous volume";
export const LOST = "The server does not answer. Trying again; what you see stays.";
export const STOPPED = "Stopped before it began.";
export const NO_DOWNLOAD = "The download did not work. Check the connection and try again.";
const RESTARTED = "The server was restarted.";
const KEPT = "The slices that you see stay while this page is open; they can no longer be downloaded.";
const RUN_LOST = "This run is lost: generate it again.";

/**
 * Of a run that the server no longer knows.
 * @param {Feed} feed
 * @param {Manifest} manifest  that says so
 */
export function goneWords(feed, manifest) {
  const restarted = feed.manifest !== null && feed.manifest.server !== manifest.server;
  const why = restarted ? RESTARTED : manifest.status;
  const lost = restarted ? RUN_LOST : "";
  return `${why} ${feed.held.size ? KEPT : lost}`.trim();
}
