// @ts-check
// What a reload does not change of a view.

import { TOOLS } from "./tools/index.js";

/** @typedef {import("./compared.js").Compared} Compared */
/** @typedef {import("./draw/plane.js").Plane} Plane */
/** @typedef {import("./view.js").View} View */

/**
 * @typedef {object} Settings
 * @property {import("./display.js").DisplayState} display
 * @property {string} tool
 * @property {import("./view.js").Layout} layout
 * @property {number} maximised  the number of the plane that has all the room, or -1
 * @property {number} speed
 * @property {Pick<Plane, "zoom" | "pan" | "slab">[]} planes
 */

/** @typedef {Settings & import("./view.js").Place} ViewState */

/**
 * @param {View} view
 * @returns {ViewState}
 */
export function stateOf(view) {
  return {
    display: view.display.state(),
    tool: view.tool.name,
    layout: view.layout,
    maximised: view.planes.findIndex((plane) => plane === view.maximised),
    speed: view.speed,
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
  view.setTool(TOOLS.find(({ name }) => name === tool) ?? TOOLS[0]);
  view.setLayout(layout);
  view.settings.maximised = view.planes[maximised] ?? null;
  view.setSpeed(speed);
  view.planes.forEach((plane, i) => Object.assign(plane, planes[i]));
  view.goTo(place);
  if (view.following) view.arrived();
}

/**
 * How two volumes are compared, and the marks in B.
 * @typedef {object} PairState
 * @property {import("./compared.js").Mode} mode
 * @property {number} share
 * @property {import("./data/marks.js").Mark[]} marks
 */

/**
 * @param {Compared} compared
 * @returns {PairState}
 */
export function pairStateOf({ mode, share, b }) {
  return { mode, share, marks: b.place.marks };
}

/**
 * All but the marks, which need B's volume.
 * @param {Compared} compared
 * @param {PairState} state
 */
export function restorePair(compared, { mode, share }) {
  compared.setShare(share);
  compared.setMode(mode);
}
