// @ts-check
// What the measuring tools have in common: a mark is made by dragging or by clicks, with the keyboard at the crosshair,
// and changed by gripping it, whichever tool is chosen.

import { isWhole, outline } from "../draw/outline.js";
import { arrow } from "./tool.js";

/** @typedef {import("../data/marks.js").Kind} Kind */
/** @typedef {import("../data/marks.js").Mark} Mark */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./tool.js").Drag} Drag */
/** @typedef {import("./tool.js").Press} Press */
/** @typedef {import("./tool.js").Tool} Tool */

/** A mark, and which of its points; -1: the whole mark. @typedef {{ mark: Mark, end: number }} Grip */

const NEAR_PX = 4; // two points that lie nearer are one click
const WHOLE = -1;

/**
 * A tool that makes marks of a kind.
 * @param {Kind} kind
 * @param {Pick<Tool, "key" | "icon" | "label" | "title">} own
 * @returns {Tool}
 */
export function markTool(kind, own) {
  const follow = (/** @type {Drag} */ drag) => {
    if (drag.volume.marks.unfinished?.through !== drag.plane.through) return;
    drag.volume.marks.follow(placeOf(drag));
    drag.view.changed();
  };
  return {
    ...own,
    name: kind,
    kind,
    cursor: "crosshair",
    shortcuts: [],
    start(drag) {
      const { view, plane, volume } = drag;
      if (volume.marks.unfinished?.through === plane.through) return follow(drag);
      volume.marks.begin(kind, plane.through, placeOf(drag));
      view.changed();
    },
    drag: follow,
    hover: follow,
    /** A press that has not moved leaves the next point to the next press. */
    end({ view, plane, volume }) {
      if (!isNearTheLast(volume.marks.unfinished, plane, volume)) volume.marks.put();
      view.changed();
    },
  };
}

/** @param {Drag} drag */
function placeOf({ view, plane, volume, x, y }) {
  return volume.clampBetween(plane.placeIn(volume, view.point, x, y));
}

/**
 * Whether the last two points of a mark look like one.
 * @param {Mark | null} mark
 * @param {Plane} plane
 * @param {Volume} volume
 */
function isNearTheLast(mark, plane, volume) {
  if (!mark || mark.points.length < 2) return false;
  const [before, last] = mark.points.slice(-2).map((point) => plane.placeOf(volume, point));
  return Math.hypot(last[0] - before[0], last[1] - before[1]) < NEAR_PX;
}

/**
 * What of a mark lies under the pointer, or null. Marks are gripped in the slice that they were made in.
 * @param {Drag} drag
 * @param {number} reachPx
 * @returns {Grip | null}
 */
export function gripAt({ view, plane, volume, x, y }, reachPx) {
  const { marks } = volume;
  if (!view.display.marks || marks.unfinished) return null;
  const near = marks.list.filter((mark) => isWhole(mark, plane, volume, view.point)).reverse();
  const places = (/** @type {number[][]} */ points) => points.map((point) => plane.placeOf(volume, point));
  for (const mark of near) {
    const end = places(mark.points).findIndex(([endX, endY]) => Math.hypot(endX - x, endY - y) <= reachPx);
    if (end >= 0) return { mark, end };
  }
  const mark = near.find((one) => distance(places(outline(one)), x, y) <= reachPx / 2);
  return mark ? { mark, end: WHOLE } : null;
}

/**
 * From a place to a line through several others.
 * @param {number[][]} places
 * @param {number} x
 * @param {number} y
 */
function distance(places, x, y) {
  return Math.min(
    ...places.slice(1).map(([endX, endY], i) => {
      const [startX, startY] = places[i];
      const [alongX, alongY] = [endX - startX, endY - startY];
      const length = alongX * alongX + alongY * alongY || 1; // any, for a line of one point
      const share = Math.min(1, Math.max(0, ((x - startX) * alongX + (y - startY) * alongY) / length));
      return Math.hypot(startX + share * alongX - x, startY + share * alongY - y);
    }),
  );
}

/**
 * What the pointer does to a mark that it has gripped, for as long as it is held down.
 * @param {Grip} grip
 * @param {Drag} start
 * @returns {Pick<Tool, "start" | "drag" | "end">}
 */
export function gripping({ mark, end }, start) {
  let last = placeOf(start);
  return {
    start({ view, volume }) {
      volume.marks.select(mark);
      view.changed();
    },
    drag(drag) {
      const here = placeOf(drag);
      if (end !== WHOLE) drag.volume.marks.moveEnd(mark, end, here);
      else drag.volume.marks.shift(mark, here.map((value, axis) => (axis === mark.through ? 0 : value - last[axis])));
      last = here;
      drag.view.changed();
    },
  };
}

/**
 * Puts the next point of a mark at the crosshair.
 * @type {Press}
 */
function putHere(event, plane, view) {
  const { volume, tool, point } = view;
  if (event.key !== "Enter" || !volume || !tool.kind) return false;
  const { marks } = volume;
  if (marks.unfinished) marks.follow(point);
  else marks.begin(tool.kind, plane.through, point);
  if (!isOnTheOneBefore(marks.unfinished)) marks.put();
  view.changed();
  return true;
}

/** @param {Mark | null} mark */
function isOnTheOneBefore(mark) {
  const [before, last] = mark?.points.slice(-2) ?? [];
  return last !== undefined && last.every((value, axis) => value === before[axis]);
}

/** @type {Press} */
function leave(event, _, view) {
  if (event.key !== "Escape" || !view.volume?.marks.selected) return false;
  view.volume.marks.abandon();
  view.volume.marks.select(null);
  view.changed();
  return true;
}

/** @type {Press} */
function remove(event, _, view) {
  return ["Delete", "Backspace"].includes(event.key) && removeSelected(view);
}

/** @param {View} view */
export function removeSelected(view) {
  const marks = view.volume?.marks;
  if (!marks?.selected) return false;
  marks.remove(marks.selected);
  view.changed();
  return true;
}

/** @type {Press} */
function goBeside(event, _, view) {
  const step = { ",": -1, ".": 1 }[event.key];
  const mark = step && view.volume?.marks.beside(step);
  return mark ? goTo(view, mark) : false;
}

/**
 * Selects a mark and goes to the slice that it was made in.
 * @param {View} view
 * @param {Mark} mark
 */
export function goTo(view, mark) {
  view.volume?.marks.select(mark);
  return view.moveTo(mark.points[0].map(Math.round));
}

/** @type {Press} */
function moveSelected(event, _, view) {
  const direction = event.altKey && event.shiftKey && arrow(event.key);
  const marks = view.volume?.marks;
  if (!direction || !marks?.selected) return false;
  const { through } = marks.selected;
  const { across, down } = view.planes.find((plane) => plane.through === through) ?? view.active;
  marks.shift(marks.selected, [0, 1, 2].map((axis) => (axis === across ? direction[0] : axis === down ? direction[1] : 0)));
  view.changed();
  return true;
}

/** @type {import("./tool.js").Shortcut[]} */
export const MARK_SHORTCUTS = [
  { keys: "Enter", meaning: "put a point of a mark at the crosshair, with a measuring tool", press: putHere },
  { keys: ", .", meaning: "go to the mark before, after", press: goBeside },
  { keys: "Alt + Shift + arrows", meaning: "move the selected mark", press: moveSelected },
  { keys: "Delete, Backspace", meaning: "delete the selected mark", press: remove },
  { keys: "Esc", meaning: "leave a mark unfinished, select none", press: leave },
];
