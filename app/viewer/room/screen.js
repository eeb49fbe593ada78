// @ts-check
// The view on the screen: the bar of buttons and the planes. They are made once; after a change of the view the next
// animation frame brings them up to date, however many changes there were.

import { readout } from "../draw/words.js";
import { Bar } from "./bar.js";
import { Cine } from "./cine.js";
import { make } from "./elements.js";
import { Pane } from "./pane.js";
import { PixelWatch } from "./pixels.js";
import { Tip } from "./tip.js";

/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Pointer} Pointer */

export class Screen {
  /**
   * @param {View} view
   * @param {HTMLElement} readoutElement
   * @param {import("./bar.js").Actions} actions
   */
  constructor(view, readoutElement, actions) {
    this.view = view;
    this.readoutElement = readoutElement;
    /** @type {Pointer} */
    this.pointer = null;
    this.scheduled = 0;
    this.bar = new Bar(view, actions);
    this.cine = new Cine(view);
    this.tip = new Tip();
    this.panes = view.planes.map((plane) => new Pane(plane, view, (pointer) => this.hover(pointer)));
    this.planes = make("div", "ctv-planes", {}, [...this.panes.map(({ box }) => box), this.tip.element]);
    view.changed = () => this.redraw();
    this.pixels = new PixelWatch(() => this.panes.forEach((pane) => pane.fit()));
    this.redraw();
  }

  redraw() {
    this.scheduled ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.scheduled = 0;
    this.planes.dataset.layout = this.view.layout;
    this.bar.describe();
    for (const pane of this.panes) pane.draw();
    this.showReadout();
    this.cine.update();
  }

  /** @param {Pointer} pointer */
  hover(pointer) {
    this.pointer = pointer;
    this.pixels.check();
    this.showReadout();
  }

  /** HU under the pointer; without one, at the crosshair, so that the keyboard can measure too. */
  showReadout() {
    const { volume, point, active, difference } = this.view;
    const { pointer } = this;
    if (!volume) this.readoutElement.textContent = "";
    else {
      const at = pointer ? pointer.plane.pointAt(volume, point, pointer.x, pointer.y) : point;
      this.readoutElement.textContent = readout(volume, pointer?.plane ?? active, at, difference);
    }
    const pane = this.panes.find(({ plane }) => plane === pointer?.plane);
    this.tip.show(this.view, pointer, pane?.canvas ?? null);
  }
}
