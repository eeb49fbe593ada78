// @ts-check
// What stands below a picture that leaves the page.

import { changeSentence } from "../data/change.js";
import { SLAB_NAMES } from "./slab.js";
import { WARNING } from "./words.js";

/** @typedef {import("../data/facts.js").Facts} Facts */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./plane.js").Plane} Plane */

/**
 * @param {View} view
 * @param {Facts} facts
 * @param {boolean} withReport
 */
export function captionLines(view, facts, withReport) {
  const { width, level } = view.display.window;
  const planes = view.planes.filter((plane) => !view.maximised || view.maximised === plane);
  const shown = [`W ${width} L ${level}`, ...planes.map((plane) => slices(plane, view))];
  if (view.display.inverted) shown.push("inverted");
  const changed = view.difference ? differenceLines(view.difference, view) : [];
  return [`${WARNING} · ${facts.name}`, ...changed, shown.join(" · "), ...(withReport && facts.report ? [facts.report] : [])];
}

/**
 * @param {Plane} plane
 * @param {View} view
 */
function slices(plane, { volume, point }) {
  if (!volume) return plane.name;
  const [first, last] = plane.range(volume, point[plane.through])
    .map((position) => volume.indexOf(plane.through, position) + 1)
    .sort((a, b) => a - b);
  const { size } = volume.axes[plane.through];
  if (plane.slab.kind === "none") return `${plane.name} ${first} / ${size}`;
  return `${plane.name} ${first} to ${last} / ${size} ${SLAB_NAMES[plane.slab.kind]} ${plane.slab.mm} mm`;
}

/**
 * @param {import("../data/difference.js").Difference} difference
 * @param {View} view  of A
 */
function differenceLines({ change, note }, { settings, display: { scale } }) {
  const names = settings.views.map(({ name }) => name).join(", ");
  const said = change.isDone ? changeSentence(change.changed(scale.threshold), scale.threshold) : "";
  const words = `Difference B − A in HU: colours from ±${scale.threshold} to ±${scale.range}. ${names}.`;
  return [[words, said, note].filter(Boolean).join(" ")];
}
