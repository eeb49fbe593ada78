// @ts-check
// Everything that a mouse can do, from the keyboard.

import { SWITCHES } from "../display.js";
import { SLAB_KINDS, SLAB_MM } from "../draw/slab.js";
import { TOOLS } from "../tools/index.js";
import { MARK_SHORTCUTS } from "../tools/marking.js";
import { nextLayout } from "./bar.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Press} Press */
/** @typedef {import("../tools/tool.js").Shortcut} Shortcut */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./bar.js").Actions} Actions */

const ONE_SLICE = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const TEN_SLICES = { PageUp: -10, PageDown: 10 };
const ALL_SLICES = { Home: -Infinity, End: Infinity };
const SLAB_STEP_MM = 5;
const SLIDER_KEYS = [ONE_SLICE, TEN_SLICES, ALL_SLICES].flatMap(Object.keys);

/**
 * All shortcuts, in the order of the table of keys.
 * @param {View} view
 * @param {Actions} actions
 * @returns {Shortcut[]}
 */
export function shortcuts(view, actions) {
  return [
    { keys: "↑ ↓, wheel", meaning: "previous, next slice", press: scrolling(ONE_SLICE) },
    { keys: "PgUp PgDn", meaning: "ten slices", press: scrolling(TEN_SLICES) },
    { keys: "Home End", meaning: "first, last slice", press: scrolling(ALL_SLICES) },
    { keys: `1 to ${view.display.presets.length}`, meaning: "window presets", press: choosePreset },
    {
      keys: TOOLS.map(({ key }) => key).join(" "),
      meaning: `tool: ${TOOLS.map(({ label }) => label).join(", ")}`,
      press: chooseTool,
    },
    ...TOOLS.flatMap((tool) => tool.shortcuts),
    ...MARK_SHORTCUTS,
    ...displayShortcuts(view),
    { keys: "m, double click", meaning: "maximise a plane, and back", press: on("m", (plane) => view.settings.maximise(plane)) },
    { keys: "b, held down", meaning: "blink: B instead of A, while two volumes are compared", press: on("b", actions.blink) },
    { keys: "f", meaning: "follow the newest slices", press: on("f", () => follow(view)) },
    { keys: "v", meaning: "another layout of the planes", press: on("v", () => nextLayout(view)) },
    { keys: "r", meaning: "reset the view", press: on("r", (_, active) => active.reset()) },
    { keys: "Shift + R", meaning: "fold the report panel away, and back", press: on("R", actions.foldReport) },
    { keys: "Shift + F", meaning: "planes on the whole screen, and back", press: on("F", actions.fillScreen) },
    { keys: "Shift + S", meaning: "save or copy a picture", press: on("S", actions.showPicture) },
    { keys: "Ctrl + Enter", meaning: "generate, from anywhere on the page" },
    { keys: "?", meaning: "these keys", press: on("?", actions.showHelp) },
  ];
}

/**
 * How HU are shown.
 * @param {View} view
 * @returns {Shortcut[]}
 */
function displayShortcuts(view) {
  const switches = Object.entries(SWITCHES).map(([name, { label, key }]) => ({
    keys: key,
    meaning: `${label[0].toLowerCase()}${label.slice(1)}, on and off`,
    press: on(key, () => view.display.toggle(/** @type {keyof SWITCHES} */ (name))),
  }));
  return [
    ...switches,
    { keys: "s", meaning: "slice, MIP, MinIP, mean", press: on("s", (plane, active) => nextSlab(active, plane)) },
    { keys: "[ ]", meaning: "a thinner, thicker slab", press: thicken },
    { keys: "k", meaning: "cine, and stop", press: on("k", (plane) => view.settings.setPlaying(view.settings.playing ? null : plane)) },
  ];
}

/**
 * @param {View} view
 * @param {Plane} plane
 */
function nextSlab(view, plane) {
  const { kind, mm } = plane.slab;
  view.setSlab(plane, { kind: SLAB_KINDS[(SLAB_KINDS.indexOf(kind) + 1) % SLAB_KINDS.length], mm });
}

/** @type {Press} */
function thicken(event, plane, view) {
  const change = { "[": -SLAB_STEP_MM, "]": SLAB_STEP_MM }[event.key];
  if (!change || plane.slab.kind === "none") return false;
  const mm = Math.min(Math.max(plane.slab.mm + change, SLAB_MM[0]), SLAB_MM[1]);
  return view.setSlab(plane, { ...plane.slab, mm });
}

/**
 * Whether one of the shortcuts took the key.
 * @param {Shortcut[]} all
 * @param {KeyboardEvent} event
 * @param {View} view
 */
export function press(all, event, view) {
  return all.some((shortcut) => shortcut.press?.(event, view.active, view) ?? false);
}

const TYPED_IN = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";
const PRESSED_BY = ["Enter", " "]; // what has the focus, if it can be pressed

/**
 * Keys belong to the viewer while it has the focus, or nothing has it, or the pointer is over a plane and the focus is
 * where nobody types.
 * @param {HTMLElement} root
 * @param {View} view
 * @param {Shortcut[]} all
 */
export function listenToKeys(root, view, all) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const pointedAt = root.querySelector("canvas:hover") !== null;
    const ours = root.contains(target) || target === document.body || pointedAt;
    const inDialog = root.querySelector("dialog[open]") !== null;
    if (!root.isConnected || !ours || inDialog || event.ctrlKey || event.metaKey || target.matches(TYPED_IN)) return;
    if (target.matches("button, summary, a") && PRESSED_BY.includes(event.key)) return;
    if (target.tagName === "INPUT" && SLIDER_KEYS.includes(event.key)) return; // a slider moves itself
    if (press(all, event, view.settings.activeView)) event.preventDefault();
  });
}

/**
 * Ctrl + Enter, from anywhere on the page.
 * @param {() => void} generate
 */
export function listenToGenerate(generate) {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    event.preventDefault();
    generate();
  });
}

/**
 * @param {Record<string, number>} slices  by key
 * @returns {Press}
 */
function scrolling(slices) {
  return (event, plane, view) =>
    event.key in slices && !event.altKey && !event.shiftKey && view.scroll(plane, slices[event.key]);
}

/** @type {Press} */
function choosePreset(event, _, view) {
  return !event.altKey && view.display.setPreset(Number(event.key) - 1);
}

/** @type {Press} */
function chooseTool(event, _, view) {
  const tool = TOOLS.find(({ key }) => key === event.key);
  return tool !== undefined && !event.altKey && view.settings.setTool(tool);
}

/**
 * Where no slices come any more there is nothing to follow.
 * @param {View} view
 */
function follow(view) {
  if (view.growing) view.setFollowing(!view.following);
}

/**
 * @param {string} key
 * @param {(plane: Plane, view: View) => void} act
 * @returns {Press}
 */
function on(key, act) {
  return (event, plane, view) => {
    const meant = event.key === key && !event.altKey;
    if (meant) act(plane, view);
    return meant;
  };
}
