// @ts-check
// The view on the screen: the bar of buttons and the three planes. They are made once; after a change of the view the
// next animation frame brings them up to date, however many changes there were.

import { readout } from "../draw/words.js";
import { TOOLS } from "../tools/index.js";
import { make, makeButton, makeGroup } from "./elements.js";
import { Pane } from "./pane.js";
import { PixelWatch } from "./pixels.js";

/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Pointer} Pointer */

export class Screen {
  /**
   * @param {View} view
   * @param {HTMLElement} readoutElement
   * @param {() => void} showHelp
   */
  constructor(view, readoutElement, showHelp) {
    this.view = view;
    this.readoutElement = readoutElement;
    /** @type {Pointer} */
    this.pointer = null;
    this.scheduled = 0;
    this.tools = TOOLS.map((tool) => makeButton(tool.label, `${tool.title} (${tool.key})`, () => view.setTool(tool)));
    this.presets = view.display.presets.map(({ name, width, level }, i) =>
      makeButton(name, `Width ${width}, level ${level} HU (key ${i + 1})`, () => view.display.setPreset(i)),
    );
    this.follow = makeButton("Follow", "Show the newest slices while they are made (f)", () =>
      view.setFollowing(!view.following),
    );
    this.panes = view.planes.map((plane) => new Pane(plane, view, (pointer) => this.hover(pointer)));
    this.bar = make("div", "ctv-bar", {}, [
      makeGroup("Tool of the left button", this.tools),
      makeGroup("Window", this.presets),
      makeGroup("View", [
        this.follow,
        makeButton("Reset", "Reset zoom, position and crosshair (r)", () => view.reset()),
        makeButton("Keys ?", "Keys and mouse (?)", showHelp),
      ]),
    ]);
    this.planes = make("div", "ctv-planes", {}, this.panes.map(({ box }) => box));
    view.changed = () => this.redraw();
    this.pixels = new PixelWatch(() => this.panes.forEach((pane) => pane.fit()));
    this.redraw();
  }

  redraw() {
    this.scheduled ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.scheduled = 0;
    this.describeBar();
    for (const pane of this.panes) pane.draw();
    this.showReadout();
  }

  describeBar() {
    const { tool, display, following, growing } = this.view;
    const { window, presets } = display;
    this.tools.forEach((button, i) => setPressed(button, TOOLS[i] === tool));
    this.presets.forEach((button, i) =>
      setPressed(button, presets[i].width === window.width && presets[i].level === window.level),
    );
    setPressed(this.follow, following);
    this.follow.disabled = !growing;
  }

  /** @param {Pointer} pointer */
  hover(pointer) {
    this.pointer = pointer;
    this.pixels.check();
    this.showReadout();
  }

  /** HU under the pointer; without one, at the crosshair, so that the keyboard can measure too. */
  showReadout() {
    const { volume, point } = this.view;
    const { pointer } = this;
    if (!volume) this.readoutElement.textContent = "";
    else {
      const at = pointer ? pointer.plane.pointAt(volume, point, pointer.x, pointer.y) : point;
      this.readoutElement.textContent = readout(volume, at);
    }
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {boolean} pressed
 */
function setPressed(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}
