// @ts-check
// What is looked at on the screen: the bar of buttons and the planes, of two volumes where two are compared. They are
// made once; after a change the next animation frame brings them up to date, however many changes there were.

import { paintCompared } from "../draw/compared.js";
import { DifferencePicture } from "../draw/difference.js";
import { Layer } from "../draw/layer.js";
import { Bar } from "./bar.js";
import { Cine } from "./cine.js";
import { make } from "./elements.js";
import { Pane } from "./pane.js";
import { PixelWatch } from "./pixels.js";
import { pairReadout } from "./readout.js";
import { SwipeLine } from "./swipe_line.js";
import { Tip } from "./tip.js";

/** @typedef {import("../compared.js").Compared} Compared */
/** @typedef {import("./pointer.js").Pointer} Pointer */

export class Screen {
  /**
   * @param {Compared} compared
   * @param {HTMLElement} readoutElement
   * @param {import("./bar.js").Actions} actions
   */
  constructor(compared, readoutElement, actions) {
    this.compared = compared;
    this.view = compared.a;
    this.readoutElement = readoutElement;
    /** @type {Pointer} */
    this.pointer = null;
    this.scheduled = 0;
    this.differences = this.view.planes.map((plane) => new DifferencePicture(plane)); // in each of A's planes
    this.describers = [() => this.bar.describe()]; // what else has to be brought up to date
    this.bar = new Bar(this.view, actions);
    this.cine = new Cine(this.view);
    this.tip = new Tip();
    this.panes = this.makePanes();
    this.panesOfB = this.panes.splice(this.view.planes.length);
    this.lines = this.panes.map((pane) => new SwipeLine(compared, pane));
    this.planes = make("div", "ctv-planes", {}, [...this.panes.map(({ box }) => box), this.tip.element]);
    compared.changed = () => this.redraw();
    this.pixels = new PixelWatch(() => [...this.panes, ...this.panesOfB].forEach((pane) => pane.fit()));
    this.redraw();
  }

  /** A's, and then B's. */
  makePanes() {
    const { compared } = this;
    const [layersA, layersB] = [compared.a, compared.b].map((view) => view.planes.map((plane) => new Layer(view, plane)));
    const hover = (/** @type {Pointer} */ pointer) => this.hover(pointer);
    return [
      ...layersA.map((layer, i) =>
        new Pane(layer, "", hover, (x) => compared.seenAt(layer, x), (pen, width, height) =>
          paintCompared(pen, width, height, compared, layer, layersB[i], this.differences[i]))),
      ...layersB.map((layer) =>
        new Pane(layer, "B ", hover, () => layer, (pen, width, height) => layer.paint(pen, width, height))),
    ];
  }

  redraw() {
    this.scheduled ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.scheduled = 0;
    this.planes.dataset.layout = this.view.settings.layout;
    this.planes.dataset.pair = this.compared.shown;
    for (const describe of this.describers) describe();
    for (const pane of this.panes) pane.draw();
    this.drawB();
    for (const line of this.lines) line.describe();
    this.showReadout();
    this.cine.update();
  }

  /** B's own planes are in the page only where they are seen. */
  drawB() {
    if (this.compared.shown === "side") {
      if (!this.panesOfB[0].box.parentElement) this.tip.element.before(...this.panesOfB.map(({ box }) => box));
      for (const pane of this.panesOfB) pane.draw();
    } else for (const { box } of this.panesOfB) box.remove();
  }

  /** @param {Pointer} pointer */
  hover(pointer) {
    this.pointer = pointer;
    this.pixels.check();
    this.showReadout();
  }

  /** HU under the pointer; without one, at the crosshair, so that the keyboard can measure too. */
  showReadout() {
    this.readoutElement.textContent = pairReadout(this.compared, this.pointer);
    this.tip.show(this.pointer);
  }
}
