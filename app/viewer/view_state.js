// @ts-check
// What a reload does not change of a view.

import { TOOLS } from "./tools/index.js";

/** @typedef {import("./compared.js").Compared} Compared */
/** @typedef {import("./data/memory.js").Memory} Memory */
/** @typedef {import("./draw/plane.js").Plane} Plane */
/** @typedef {import("./view.js").View} View */

/**
 * @typedef {object} Settings
 * @property {import("./display.js").DisplayState} display
 * @property {string} tool
 * @property {import("./settings.js").Layout} layout
 * @property {number} maximised  the number of the plane that has all the room, or -1
 * @property {number} speed
 * @property {Pick<Plane, "zoom" | "pan" | "slab">[]} planes
 */

/** @typedef {Settings & import("./view.js").Place} ViewState */

const VIEW_KEY = "ctflow-view-2";

/**
 * @param {Memory} memory
 * @param {string} run  whose volume is in the view
 * @param {View} view
 */
export function keepView(memory, run, view) {
  memory.remember(VIEW_KEY, { run, ...stateOf(view) });
}

/**
 * As it was kept, if it was of the same run.
 * @param {Memory} memory
 * @param {string} run
 * @param {View} view
 */
export function recallView(memory, run, view) {
  const kept = memory.recall(VIEW_KEY);
  if (kept?.run === run) restore(view, kept);
}

/**
 * @param {View} view
 * @returns {ViewState}
 */
export function stateOf(view) {
  return {
    display: view.display.state(),
    tool: view.tool.name,
    layout: view.settings.layout,
    maximised: view.planes.findIndex((plane) => plane === view.settings.maximised),
    speed: view.settings.speed,
    planes: view.planes.map(({ zoom, pan, slab }) => ({ zoom, pan, slab })),
    ...view.place,
  };
}

/**
 * @param {View} view
 * @param {ViewState} state
 */
export function restore(view, { display, tool, layout, maximised, speed, planes, ...place }) {
  view.display.restore(display);
  view.settings.setTool(TOOLS.find(({ name }) => name === tool) ?? TOOLS[0]);
  view.settings.setLayout(layout);
  view.settings.maximised = view.planes[maximised] ?? null;
  view.settings.setSpeed(speed);
  view.planes.forEach((plane, i) => Object.assign(plane, planes[i]));
  view.goTo(place);
  if (view.following) view.arrived();
}

/**
 * How two volumes are compared, and the marks in B.
 * @typedef {object} PairState
 * @property {import("./compared.js").Mode} mode
 * @property {number} share
 * @property {boolean} aligned
 * @property {import("./data/marks.js").Mark[]} marks
 */

/**
 * @param {Compared} compared
 * @returns {PairState}
 */
export function pairStateOf({ mode, share, wantsAligned, b }) {
  return { mode, share, aligned: wantsAligned, marks: b.place.marks };
}

/**
 * All but the marks, which need B's volume.
 * @param {Compared} compared
 * @param {PairState} state
 */
export function restorePair(compared, { mode, share, aligned = false }) {
  compared.setShare(share);
  compared.setMode(mode);
  compared.setAligned(aligned);
}
