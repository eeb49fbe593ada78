// @ts-check
// How HU and what lies over them are displayed, the same in all planes: the window, and what is left out.

import { greyTable } from "./draw/picture.js";

/** @typedef {import("./draw/picture.js").GreyWindow} GreyWindow */
/** @typedef {GreyWindow & { name: string }} WindowPreset */
/** @typedef {"inverted" | "smooth" | "crosshair" | "marks" | "words"} Switch */

/** What each switch does when it is on, for menus and the table of keys. @type {Record<Switch, string>} */
export const SWITCHES = {
  inverted: "Inverted: low HU are white",
  smooth: "Interpolation between voxels",
  crosshair: "Crosshair",
  marks: "Marks",
  words: "Texts on the planes",
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
    this.presets = presets;
    this.changed = changed;
    /** @type {GreyWindow} */
    this.window = presets[0];
    this.inverted = false;
    this.smooth = true;
    this.crosshair = true;
    this.marks = true;
    this.words = true;
    this.greys = greyTable(this.window, this.inverted);
  }

  /** @param {GreyWindow} window */
  setWindow({ width, level }) {
    this.window = { width, level };
    return this.update();
  }

  /** @param {number} number  counted from 0 */
  setPreset(number) {
    return number in this.presets && this.setWindow(this.presets[number]);
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
