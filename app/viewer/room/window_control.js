// @ts-check
// Window width and level: chosen, typed, inverted.

import { LEVELS, WIDTHS } from "../tools/window.js";
import { makeGroup, makeIconButton, makeNumber, makeOption, makeSelect, setPressed, setValue } from "./elements.js";

/** @typedef {import("../display.js").Display} Display */

const OTHER = "";

export class WindowControl {
  /** @param {Display} display */
  constructor(display) {
    this.display = display;
    this.listed = ""; // the presets in the list
    const choose = (/** @type {string} */ number) => number !== OTHER && display.setPreset(Number(number));
    this.select = makeSelect("Window", "Window preset (keys 1 to 9)", [], choose);
    this.width = makeNumber("Window width", "Window width in HU: what is wider has less contrast", WIDTHS, (width) =>
      display.setWindow({ ...display.window, width }),
    );
    this.level = makeNumber("Window level", "Window level in HU: its middle", LEVELS, (level) =>
      display.setWindow({ ...display.window, level }),
    );
    this.inverted = makeIconButton("inverted", "Invert", "Invert: low HU are white (i)", () => display.toggle("inverted"));
    this.element = makeGroup("Window", [this.select, this.width, this.level, this.inverted]);
  }

  describe() {
    const { presets, preset, window, inverted } = this.display;
    const names = presets.map(({ name }) => name);
    if (this.listed !== names.join()) this.list(names);
    setValue(this.select, preset ? String(presets.indexOf(preset)) : OTHER);
    setValue(this.width, String(window.width));
    setValue(this.level, String(window.level));
    setPressed(this.inverted, inverted);
  }

  /** @param {string[]} names */
  list(names) {
    const options = names.map((name, i) => makeOption([String(i), name]));
    const other = makeOption([OTHER, "Other"]);
    other.disabled = other.hidden = true; // shown where the window is none of them, and not to be chosen
    this.select.replaceChildren(other, ...options);
    this.listed = names.join();
  }
}
