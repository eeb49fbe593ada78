// @ts-check
// What is shown over the planes and how, the speed of cine, and one's own windows, which this browser keeps.

import { SWITCHES } from "../display.js";
import { make, makeButton, makeDialog } from "./elements.js";

/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../display.js").Switch} Switch */
/** @typedef {import("../view.js").View} View */

const OWN_KEY = "ctflow-windows";
const LONGEST_NAME = 24;
const SPEEDS = { min: "1", max: "30", step: "1" }; // slices in a second

export class DisplayDialog {
  /**
   * @param {View} view
   * @param {Memory} memory  of this browser
   */
  constructor(view, memory) {
    this.view = view;
    this.memory = memory;
    this.boxes = Object.entries(SWITCHES).map(([name, { label, key }]) => this.makeBox(name, `${label} (${key})`));
    this.speed = make("input", "", { type: "range", "aria-label": "Cine, slices in a second", ...SPEEDS });
    this.speed.addEventListener("input", () => view.settings.setSpeed(Number(this.speed.value)));
    this.speedWords = make("span");
    this.name = make("input", "ctv-text", { "aria-label": "Name of the window", maxlength: String(LONGEST_NAME) });
    this.own = make("ul", "ctv-own", { "aria-label": "Own windows" });
    this.element = makeDialog("Display", [
      make("div", "ctv-switches", {}, this.boxes.map(({ element }) => element)),
      make("label", "ctv-speed", {}, [this.speedWords, this.speed]),
      this.makeKeeping(),
      this.own,
    ]);
    this.element.classList.add("ctv-side");
    view.display.addOwn(this.kept());
  }

  show() {
    this.describe();
    this.element.showModal();
  }

  describe() {
    const { display, speed } = this.view.settings;
    for (const { box, name } of this.boxes) box.checked = display[name];
    this.speed.value = String(speed);
    this.speedWords.textContent = `Cine: ${speed} slices in a second`;
    this.own.replaceChildren(...display.own.map((preset) => this.makeOwn(preset)));
  }

  /**
   * @param {string} name  of a switch
   * @param {string} label
   */
  makeBox(name, label) {
    const box = make("input", "", { type: "checkbox" });
    box.addEventListener("change", () => this.view.display.toggle(/** @type {Switch} */ (name)));
    return { name: /** @type {Switch} */ (name), box, element: make("label", "", {}, [box, label]) };
  }

  makeKeeping() {
    const keep = makeButton("Keep", "Keep the window as it is now under this name, in this browser", () => this.keep());
    this.name.addEventListener("keydown", (event) => event.key === "Enter" && this.keep());
    return make("div", "ctv-keep", {}, ["This window as ", this.name, keep]);
  }

  keep() {
    const name = this.name.value.trim();
    if (!name) return this.name.focus();
    this.view.display.addOwn([{ name, ...this.view.display.window }]);
    this.name.value = "";
    this.remember();
  }

  /** @param {import("../display.js").WindowPreset} preset */
  makeOwn(preset) {
    const { name, width, level } = preset;
    const remove = makeButton("Remove", `Remove the window ${name}`, () => {
      this.view.display.removeOwn(preset);
      this.remember();
    });
    remove.setAttribute("aria-label", `Remove the window ${name}`);
    return make("li", "", {}, [`${name}: W ${width} L ${level} `, remove]);
  }

  remember() {
    this.memory.remember(OWN_KEY, this.view.display.own);
    this.describe();
  }

  /** What this browser keeps, where it is of use: somebody may have written into its store. */
  kept() {
    const kept = this.memory.recall(OWN_KEY);
    const isWindow = (/** @type {any} */ one) =>
      typeof one?.name === "string" && Number.isFinite(one.width) && one.width >= 1 && Number.isFinite(one.level);
    return Array.isArray(kept) ? kept.filter(isWindow) : [];
  }
}
