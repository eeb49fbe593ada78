// @ts-check
// How HU and what lies over them are displayed, the same in all planes: the window, the colours of differences, and what
// is left out.

import { FIRST_SCALE, colourTable } from "./draw/difference.js";
import { greyTable } from "./draw/picture.js";

/** @typedef {import("./draw/picture.js").GreyWindow} GreyWindow */
/** @typedef {GreyWindow & { name: string }} WindowPreset */
/** @typedef {"inverted" | "smooth" | "crosshair" | "marks" | "words"} Switch */

/** What each switch shows when it is on, and its key. @type {Record<Switch, { label: string, key: string }>} */
export const SWITCHES = {
  inverted: { label: "Inverted: low HU are white", key: "i" },
  smooth: { label: "Interpolation between voxels", key: "n" },
  crosshair: { label: "Crosshair", key: "x" },
  marks: { label: "Marks", key: "d" },
  words: { label: "Texts", key: "t" },
};

/**
 * What a reload does not change.
 * @typedef {{ window: GreyWindow } & Record<Switch, boolean>} DisplayState
 */

/** Methods that a key may call return whether they did something. */
export class Display {
  /**
   * @param {WindowPreset[]} presets
   * @param {() => void} changed
   */
  constructor(presets, changed) {
    this.builtIn = presets;
    /** @type {WindowPreset[]} the person's */
    this.own = [];
    this.changed = changed;
    /** @type {GreyWindow} */
    this.window = presets[0];
    this.inverted = false;
    this.smooth = true;
    this.crosshair = true;
    this.marks = true;
    this.words = true;
    this.greys = greyTable(this.window, this.inverted);
    this.scale = FIRST_SCALE;
    this.colours = colourTable(this.scale);
  }

  get presets() {
    return [...this.builtIn, ...this.own];
  }

  /**
   * One's own windows come after those that everybody has; a name is there once.
   * @param {WindowPreset[]} presets
   */
  addOwn(presets) {
    const names = presets.map(({ name }) => name);
    this.own = [...this.own.filter(({ name }) => !names.includes(name)), ...presets];
    this.changed();
  }

  /** @param {WindowPreset} preset */
  removeOwn(preset) {
    this.own = this.own.filter((other) => other !== preset);
    this.changed();
  }

  /** @param {GreyWindow} window */
  setWindow({ width, level }) {
    this.window = { width, level };
    return this.update();
  }

  /** @param {number} number  counted from 0 */
  setPreset(number) {
    const preset = this.presets[number];
    return preset !== undefined && this.setWindow(preset);
  }

  /** @param {import("./draw/difference.js").DifferenceScale} scale */
  setScale({ range, threshold }) {
    this.scale = { range, threshold };
    this.colours = colourTable(this.scale);
    this.changed();
  }

  /** The preset that is the window, or none. */
  get preset() {
    const { width, level } = this.window;
    return this.presets.find((preset) => preset.width === width && preset.level === level);
  }

  /** @param {Switch} name */
  toggle(name) {
    this[name] = !this[name];
    return this.update();
  }

  update() {
    this.greys = greyTable(this.window, this.inverted);
    this.changed();
    return true;
  }

  /** @returns {DisplayState} */
  state() {
    const { window, inverted, smooth, crosshair, marks, words } = this;
    return { window, inverted, smooth, crosshair, marks, words };
  }

  /** @param {DisplayState} state */
  restore(state) {
    Object.assign(this, state);
    this.update();
  }
}
