// @ts-check
// What a person does with the runs of this visit.

/** @typedef {import("./data/feed.js").Feed} Feed */
/** @typedef {import("./session.js").Session} Session */

/**
 * Shows a run, which is fetched again if need be.
 * @param {Session} session
 * @param {string} run
 */
export function showRun(session, run) {
  if (run !== session.shown?.run) session.show(session.hold(run));
}

/**
 * Takes a run out of the visit; one that is being made is stopped. In the place of the one that was shown comes the one
 * after it, or the last one.
 * @param {Session} session
 * @param {string} run
 */
export function removeRun(session, run) {
  const place = session.visit.entries.findIndex((entry) => entry.run === run);
  const feed = session.feeds.get(run);
  if (feed?.running) session.transport.askPatiently("stop", { run }, () => true, session.sayLost);
  const wasShown = session.shown?.run === run;
  if (feed) session.release(feed);
  session.visit.remove(run);
  session.pair.removed(run);
  if (!wasShown) return;
  const { entries } = session.visit;
  const next = entries[Math.min(place, entries.length - 1)];
  if (next) showRun(session, next.run);
  else session.showNothing();
}

/**
 * Takes the picture of a finished run for the strip, whether it is shown or not. Its last voxels may come before or after
 * the word that they are the last ones.
 * @param {Session} session
 * @param {Feed} feed
 */
export function takePicture({ visit, stage }, feed) {
  const { manifest, volume } = feed;
  if (manifest?.state !== "finished" || !volume || !feed.holds(manifest.chunks)) return;
  if (visit.find(feed.run)?.picture === "") visit.change(feed.run, { picture: stage.picture(volume) });
}
