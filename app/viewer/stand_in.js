// @ts-check
// The example in the planes: its other slices are fetched once somebody turns to the planes.

/** @typedef {import("./session.js").Session} Session */

const TURNS = ["pointerenter", "wheel", "focusin"]; // to the viewer

/**
 * @param {HTMLElement} viewer
 * @param {Session} session
 */
export function completeWhenTurnedTo(viewer, session) {
  const turned = () => complete(session);
  for (const name of TURNS) viewer.addEventListener(name, turned, { passive: true });
  // Keys are the viewer's where nothing has the focus.
  document.addEventListener("keydown", ({ target }) => target === document.body && turned());
}

/** @param {Session} session */
async function complete({ example, view, transport }) {
  if (!example || !view.isStandIn || !view.volume?.onlyAt) return;
  if (await example.complete(transport)) view.changed();
}
