// @ts-check
// The view on the screen: the bar of buttons and the three planes. They are made once; after a change of the view the
// next animation frame brings them up to date, however many changes there were.

import { PlaneCanvas } from "../draw/canvas.js";
import { readout, title } from "../draw/words.js";
import { TOOLS } from "../tools/index.js";
import { make, makeButton, makeGroup } from "./elements.js";
import { listenToPointer } from "./pointer.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Pointer} Pointer */
/** @typedef {{ plane: Plane, box: HTMLElement, drawing: PlaneCanvas, slider: HTMLInputElement }} Pane */

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
    this.presets = view.presets.map(({ name, width, level }, i) =>
      makeButton(name, `Width ${width}, level ${level} HU (key ${i + 1})`, () => view.setPreset(i)),
    );
    this.follow = makeButton("Follow", "Show the newest slices while they are made (f)", () =>
      view.setFollowing(!view.following),
    );
    this.panes = view.planes.map((plane) => this.makePane(plane));
    this.bar = make("div", "ctv-bar", {}, [
      makeGroup("Tool of the left button", this.tools),
      makeGroup("Window", this.presets),
      makeGroup("View", [
        this.follow,
        makeButton("Reset", "Reset zoom, position, crosshair and window (r)", () => view.reset()),
        makeButton("Keys ?", "Keys and mouse (?)", showHelp),
      ]),
    ]);
    this.planes = make("div", "ctv-planes", {}, this.panes.map(({ box }) => box));
    view.changed = () => this.redraw();
    this.redraw();
  }

  /**
   * @param {Plane} plane
   * @returns {Pane}
   */
  makePane(plane) {
    const { view } = this;
    const canvas = make("canvas", "ctv-canvas", { tabindex: "0", role: "application" });
    const slider = make("input", "ctv-slider", {
      type: "range", min: "0", max: "0", step: "1", value: "0", "aria-label": `${plane.name} slice`,
    });
    const box = make("div", `ctv-plane ctv-${plane.name.toLowerCase()}`, {}, [canvas, slider]);
    const drawing = new PlaneCanvas(plane, canvas);
    listenToPointer(canvas, plane, view, (pointer) => this.hover(pointer));
    canvas.addEventListener("focus", () => (view.active = plane));
    slider.addEventListener("input", () => view.scrollTo(plane, Number(slider.value)));
    new ResizeObserver(() => {
      drawing.fit();
      drawing.draw(view); // at once, because `fit` has wiped it
    }).observe(canvas);
    return { plane, box, drawing, slider };
  }

  redraw() {
    this.scheduled ||= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.scheduled = 0;
    this.describeBar();
    for (const pane of this.panes) {
      this.describePane(pane);
      if (pane.plane.width) pane.drawing.draw(this.view);
    }
    this.showReadout();
  }

  describeBar() {
    const { tool, window, presets, following, growing } = this.view;
    this.tools.forEach((button, i) => setPressed(button, TOOLS[i] === tool));
    this.presets.forEach((button, i) =>
      setPressed(button, presets[i].width === window.width && presets[i].level === window.level),
    );
    setPressed(this.follow, following);
    this.follow.disabled = !growing;
  }

  /** @param {Pane} pane */
  describePane({ plane, box, drawing: { canvas }, slider }) {
    const { volume, point, tool, maximised } = this.view;
    box.classList.toggle("ctv-whole", maximised === plane);
    box.classList.toggle("ctv-away", maximised !== null && maximised !== plane);
    canvas.style.cursor = tool.cursor;
    canvas.style.touchAction = tool.touchAction ?? "none";
    slider.disabled = !volume;
    if (volume) {
      slider.max = String(volume.axes[plane.through].size - 1);
      slider.value = String(point[plane.through]);
    }
    const label = volume ? title(plane, this.view) : `${plane.name} plane, empty`;
    if (canvas.getAttribute("aria-label") === label) return;
    canvas.setAttribute("aria-label", label);
    slider.setAttribute("aria-valuetext", label);
  }

  /** @param {Pointer} pointer */
  hover(pointer) {
    this.pointer = pointer;
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
