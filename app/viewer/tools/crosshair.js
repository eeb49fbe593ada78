// @ts-check
// The crosshair: one point, shown in all planes.

import { line } from "../draw/pen.js";
import { arrow } from "./tool.js";

/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */

const INK = "rgba(255, 196, 87, 0.8)";
const GAP = 10; // on each side of the point, so that it stays visible itself

/** @param {Drag} drag */
function moveHere({ view, plane, volume, x, y }) {
  view.moveTo(plane.pointAt(volume, view.point, x, y));
}

/** @type {Press} */
function nudge(event, plane, view) {
  const direction = event.shiftKey && !event.altKey && arrow(event.key);
  return direction ? view.nudge(plane, direction[0], direction[1]) : false;
}

/** @type {import("./tool.js").Tool} */
export const crosshair = {
  name: "crosshair",
  key: "c",
  icon: "crosshair",
  label: "Crosshair",
  title: "Drag moves the crosshair in all planes",
  cursor: "crosshair",
  swipeScrolls: true, // a tap moves the crosshair
  shortcuts: [{ keys: "Shift + arrows", meaning: "move the crosshair in the plane", press: nudge }],
  start: moveHere,
  drag: moveHere,

  draw(pen, plane, volume, view) {
    if (!view.display.crosshair) return;
    const { left, top, width, height } = plane.rectangle(volume);
    const [x, y] = plane.placeOf(volume, view.point);
    pen.strokeStyle = INK;
    pen.lineWidth = 1;
    pen.beginPath();
    line(pen, left, y, x - GAP, y);
    line(pen, x + GAP, y, left + width, y);
    line(pen, x, top, x, y - GAP);
    line(pen, x, y + GAP, x, top + height);
    pen.stroke();
  },
};
