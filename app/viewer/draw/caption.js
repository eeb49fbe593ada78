// @ts-check
// What stands below a picture that leaves the page.

import { changeSentence } from "../data/change.js";
import { SLAB_NAMES } from "./slab.js";
import { warningOf } from "./words.js";

/** @typedef {import("../data/facts.js").Facts} Facts */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./plane.js").Plane} Plane */

/**
 * @param {View[]} views  that are seen: one, or A and B
 * @param {(view: View) => Facts} factsOf
 * @param {boolean} withReport
 * @param {string} note  what has to be said of two of them; empty where there is nothing
 */
export function captionLines(views, factsOf, withReport, note = "") {
  const letters = views.length > 1 ? ["A: ", "B: "] : [""];
  const named = views.map((view, i) => `${letters[i]}${factsOf(view).name}`);
  const places = views.map((view, i) => `${letters[i]}${placeWords(view)}`);
  const reports = withReport ? views.map((view, i) => factsOf(view).report && `${letters[i]}${factsOf(view).report}`) : [];
  const shown = [windowWords(views[0]), ...places, ...displayWords(views[0])].join(" · ");
  const leading = [`${warningOf(views)} · ${named[0]}`, ...named.slice(1), shown];
  return [...leading, ...[note, ...changeLines(views[0]), ...reports].filter(Boolean)];
}

/** @param {View} view */
function windowWords({ display: { window } }) {
  return `W ${window.width} L ${window.level}`;
}

/** @param {View} view */
function displayWords({ display, difference }) {
  return [...(display.inverted ? ["inverted"] : []), ...(difference ? [differenceWords(display.scale)] : [])];
}

/** @param {View} view */
function placeWords(view) {
  const seen = view.planes.filter(({ leader }) => !view.settings.maximised || view.settings.maximised === leader);
  return seen.map((plane) => slices(plane, view)).join(" · ");
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

/**
 * How much differs, once it is counted, and that B is resampled.
 * @param {View} view
 */
function changeLines({ difference, display: { scale } }) {
  if (!difference) return [];
  return [difference.changed(changeSentence, scale.threshold), difference.note].filter(Boolean);
}
