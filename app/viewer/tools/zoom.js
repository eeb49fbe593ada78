// @ts-check
// Makes a picture larger or smaller.

/** @typedef {import("./tool.js").Press} Press */

const DRAG_PX = 150; // a drag of so many pixels zooms by e
const KEY_FACTOR = 1.25;
/** @type {Record<string, number>} */
const KEYS = { "+": KEY_FACTOR, "=": KEY_FACTOR, "-": 1 / KEY_FACTOR };

/** @type {Press} */
function zoomByKey(event, plane, view) {
  return event.key in KEYS && !event.altKey && view.zoom(plane, KEYS[event.key]);
}

/** @type {import("./tool.js").Tool} */
export const zoom = {
  name: "zoom",
  key: "z",
  icon: "zoom",
  label: "Zoom",
  title: "Drag zooms, as Ctrl + wheel does with every tool",
  cursor: "zoom-in",
  shortcuts: [{ keys: "+ −, Ctrl + wheel", meaning: "zoom", press: zoomByKey }],

  drag({ view, plane, dy }) {
    view.zoom(plane, Math.exp(-dy / DRAG_PX));
  },
};
