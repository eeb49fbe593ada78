// @ts-check
// What stands below a picture that leaves the page.

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
  if (view.difference) shown.push(differenceWords(view.display.scale));
  return [`${WARNING} · ${facts.name}`, shown.join(" · "), ...(withReport && facts.report ? [facts.report] : [])];
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

/** @param {import("./difference.js").DifferenceScale} scale */
function differenceWords({ range, threshold }) {
  return `difference B − A in HU from ±${threshold}, colours up to ±${range}`;
}
