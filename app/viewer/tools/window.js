// @ts-check
// Window width and level.

import { arrow } from "./tool.js";

/** @typedef {import("../draw/picture.js").GreyWindow} GreyWindow */
/** @typedef {import("./tool.js").Press} Press */

const FINE_WIDTH = 300; // HU: up to this width one pixel is one HU; wider windows go faster
export const WIDTHS = [1, 6000];
export const LEVELS = [-2000, 4000];
const KEY_PX = 10; // a key goes as far as a drag of so many pixels

/**
 * To the right is wider, up is brighter.
 * @param {GreyWindow} window
 * @param {number} dx
 * @param {number} dy
 * @returns {GreyWindow}
 */
export function dragged({ width, level }, dx, dy) {
  const pace = Math.max(1, width / FINE_WIDTH);
  return { width: within(WIDTHS, width + dx * pace), level: within(LEVELS, level + dy * pace) };
}

/**
 * @param {number[]} bounds
 * @param {number} value
 */
function within([least, most], value) {
  return Math.round(Math.min(Math.max(value, least), most));
}

/** @type {Press} */
function adjust(event, _, view) {
  const direction = event.altKey && !event.shiftKey && arrow(event.key);
  if (!direction) return false;
  return view.display.setWindow(dragged(view.display.window, direction[0] * KEY_PX, direction[1] * KEY_PX));
}

/** @type {import("./tool.js").Tool} */
export const greyWindow = {
  name: "window",
  key: "w",
  icon: "window",
  label: "W/L",
  title: "Drag sets window width and level, as the right button does with every tool",
  cursor: "ns-resize",
  button: 2,
  shortcuts: [
    { keys: "Alt + arrows", meaning: "window width and level", press: adjust },
    { keys: "right drag", meaning: "window width and level" },
  ],

  drag({ view, dx, dy }) {
    view.display.setWindow(dragged(view.display.window, dx, dy));
  },
};
