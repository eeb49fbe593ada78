// @ts-check
// What has to be said of two volumes that are compared.

import { lpsWords } from "./draw/words.js";

/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./pair.js").Pair} Pair */
/** @typedef {import("./session.js").Session} Session */

const SAME = "A and B are the same volume. Show another run, or hold another one as B.";
const APART = "A and B do not overlap in the patient, so each one is scrolled and zoomed for itself. Align centres links them.";
const NO_SLICES = "B has no slices yet.";
const NONE_MADE = "B ended before its first slice. Hold another run as B.";
const TILTED_DEGREES = 1; // less is not seen
const SAME_MM = 0.01;
const LONGEST_NAME = 28; // letters

/**
 * Which of the two a run is, and what it is.
 * @param {"A" | "B"} letter
 * @param {string} run
 * @param {Session} session
 */
export function nameOf(letter, run, session) {
  return withLetter(letter, kindOf(run, session));
}

/**
 * A's and B's letter with the name that each run has in the strip, where what they are is alike; else, and where that
 * tells no more, empty.
 * @param {string} runA
 * @param {string} runB
 * @param {Session} session
 */
export function ownNamesOf(runA, runB, session) {
  const [kindA, kindB] = [runA, runB].map((run) => kindOf(run, session));
  const [a, b] = [runA, runB].map((run) => nameInStrip(run, session));
  return kindA === kindB && a !== b ? [withLetter("A", a || kindA), withLetter("B", b || kindB)] : ["", ""];
}

/**
 * @param {string} letter
 * @param {string} name
 */
function withLetter(letter, name) {
  return [letter, name].filter(Boolean).join(" · ");
}

/**
 * @param {string} run
 * @param {Session} session
 */
function kindOf(run, session) {
  const manifest = session.feeds.get(run)?.manifest;
  const seed = manifest?.seed ?? session.visit.find(run)?.fields.seed ?? null;
  return manifest?.title || (seed === null ? "" : `seed ${seed}`);
}

/**
 * Shortened; empty for a scan, whose name is that of its file.
 * @param {string} run
 * @param {Session} session
 */
function nameInStrip(run, session) {
  const entry = session.visit.find(run);
  if (!entry || entry.isScan) return "";
  return entry.name.length > LONGEST_NAME ? `${entry.name.slice(0, LONGEST_NAME - 1).trim()}…` : entry.name;
}

/**
 * What a run is that is no ordinary one, where it stands alone: a standard deviation looks like a CT.
 * @param {string | null} run
 * @param {Session} session
 */
export function titleOf(run, session) {
  return (run && session.feeds.get(run)?.manifest?.title) || "";
}

/**
 * The first of those sentences that hold; empty where there is nothing to say.
 * @param {Pair} pair
 */
export function pairWords({ session, run, feed, compared: { a, b, link } }) {
  if (!b.volume) return feed && !feed.running && feed.manifest?.chunks.length === 0 ? NONE_MADE : NO_SLICES;
  if (run === session.viewed) return SAME;
  if (!a.volume || !link) return "";
  if (!link.holds) return APART;
  return [alignmentWords(link), unfinished(b.volume, feed?.running ?? false), gridWords(a.volume, b.volume)].filter(Boolean).join(" ");
}

/**
 * By how much B is moved; empty where it is not.
 * @param {import("./data/link.js").Link} link
 */
export function alignmentWords({ isAligned, movedMm }) {
  return isAligned ? `B is moved by ${lpsWords(movedMm)} so that the centres meet, for display only.` : "";
}

/**
 * @param {Volume} volume
 * @param {boolean} isRunning
 */
function unfinished({ made, shape: [slices] }, isRunning) {
  const count = made.reduce((sum, state) => sum + Number(state === 1), 0);
  if (count === slices) return "";
  return `B ${isRunning ? "is being made" : "is incomplete"}: ${count} of ${slices} slices.`;
}

/**
 * @param {Volume} a
 * @param {Volume} b
 */
function gridWords(a, b) {
  const degrees = tilt(a, b);
  if (degrees > TILTED_DEGREES) return `B is tilted by ${Math.round(degrees)}° against A: only the crosshair is at the same place.`;
  const differ = a.axes.some(({ spacing }, i) => Math.abs(spacing - b.axes[i].spacing) > SAME_MM);
  return differ ? "Voxel sizes differ: both at the same place, B in its nearest slice." : "";
}

/**
 * The largest angle between two axes of the same name, in degrees.
 * @param {Volume} a
 * @param {Volume} b
 */
function tilt(a, b) {
  const cosines = [0, 1, 2].map((axis) => {
    const [u, v] = [direction(a, axis), direction(b, axis)];
    return Math.abs(u.reduce((sum, value, i) => sum + value * v[i], 0));
  });
  return (Math.acos(Math.min(1, Math.min(...cosines))) * 180) / Math.PI;
}

/**
 * @param {Volume} volume
 * @param {number} axis  patient axis
 */
function direction({ affine, axes }, axis) {
  const column = affine.map((row) => row[axes[axis].index]);
  const length = Math.hypot(...column);
  return column.map((value) => value / length);
}
