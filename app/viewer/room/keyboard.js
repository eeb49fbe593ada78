// @ts-check
// Everything that a mouse can do, from the keyboard.

import { TOOLS } from "../tools/index.js";
import { MARK_SHORTCUTS } from "../tools/marking.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Press} Press */
/** @typedef {import("../tools/tool.js").Shortcut} Shortcut */
/** @typedef {import("../view.js").View} View */

const ONE_SLICE = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const TEN_SLICES = { PageUp: -10, PageDown: 10 };
const ALL_SLICES = { Home: -Infinity, End: Infinity };
const SLIDER_KEYS = [ONE_SLICE, TEN_SLICES, ALL_SLICES].flatMap(Object.keys);

/**
 * All shortcuts, in the order of the table of keys.
 * @param {View} view
 * @param {() => void} showHelp
 * @returns {Shortcut[]}
 */
export function shortcuts(view, showHelp) {
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
    { keys: "m, double click", meaning: "maximise a plane, and back", press: on("m", (plane) => view.maximise(plane)) },
    { keys: "f", meaning: "follow the newest slices", press: on("f", () => follow(view)) },
    { keys: "r", meaning: "reset the view", press: on("r", () => view.reset()) },
    { keys: "Ctrl + Enter", meaning: "generate, from anywhere on the page" },
    { keys: "?", meaning: "these keys", press: on("?", showHelp) },
  ];
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

const TYPED_IN = "input, textarea, select, [contenteditable]";

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
    const pointedAt = root.querySelector("canvas:hover") !== null && !target.matches(TYPED_IN);
    const ours = root.contains(target) || target === document.body || pointedAt;
    const inDialog = root.querySelector("dialog[open]") !== null;
    if (!root.isConnected || !ours || inDialog || event.ctrlKey || event.metaKey) return;
    if (target.tagName === "INPUT" && SLIDER_KEYS.includes(event.key)) return; // a slider moves itself
    if (press(all, event, view)) event.preventDefault();
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
  return tool !== undefined && !event.altKey && view.setTool(tool);
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
 * @param {(plane: Plane) => void} act
 * @returns {Press}
 */
function on(key, act) {
  return (event, plane) => {
    const meant = event.key === key && !event.altKey;
    if (meant) act(plane);
    return meant;
  };
}
