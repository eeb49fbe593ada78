// @ts-check
// The bar of buttons over the planes.

import { TOOLS } from "../tools/index.js";
import { removeSelected } from "../tools/marking.js";
import { make, makeButton, makeGroup, makeIconButton, makeSelect, setPressed, setValue } from "./elements.js";
import { WindowControl } from "./window_control.js";

/** @typedef {import("../settings.js").Layout} Layout */
/** @typedef {import("../view.js").View} View */

/**
 * What the bar and keys do beyond the view itself.
 * @typedef {object} Actions
 * @property {() => void} showHelp
 * @property {() => void} showDisplay     its dialog
 * @property {() => void} showMarks
 * @property {() => void} showPicture
 * @property {() => void} foldReport      away, and back
 * @property {() => void} fillScreen      and back
 * @property {() => void} blink           B is seen until it is over
 */

const ONE = "one";
/** @type {[Layout | "one", string][]} */
const LAYOUTS = [["large", "Axial large"], ["row", "Three in a row"], [ONE, "One plane"]];

export class Bar {
  /**
   * @param {View} view
   * @param {Actions} actions
   */
  constructor(view, actions) {
    this.view = view;
    this.tools = TOOLS.map((tool) => makeToolButton(tool, () => view.settings.setTool(tool)));
    this.window = new WindowControl(view.display);
    this.layout = makeSelect("Layout", "How the planes are laid out (v)", LAYOUTS, (value) => choose(view, value));
    this.follow = makeIconButton("follow", "Follow", "Show the newest slices while they are made (f)", () =>
      view.setFollowing(!view.following),
    );
    this.marks = makeIconButton("list", "Marks", "List, copy or save all marks of this volume", actions.showMarks);
    this.remove = makeIconButton("remove", "Delete", "Delete the selected mark (Delete)", () => removeSelected(view.settings.activeView));
    this.fold = makeIconButton("fold", "Fold report panel", "Fold the report panel away, and back (Shift + R)", actions.foldReport);
    this.fold.classList.add("ctv-fold");
    this.element = make("div", "ctv-bar", {}, [
      makeGroup("Tool of the left button", this.tools),
      makeGroup("Marks", [this.marks, this.remove]),
      this.window.element,
      makeGroup("View", [
        this.layout,
        makeIconButton("display", "Display", "Texts, crosshair, marks, interpolation, cine speed, own windows", actions.showDisplay),
        this.follow,
        makeIconButton("reset", "Reset", "Reset zoom, position and crosshair (r)", () => view.reset()),
      ]),
      makeGroup("Page", [
        makeIconButton("picture", "Picture", "Save or copy what is seen as a picture (Shift + S)", actions.showPicture),
        this.fold,
        ...makeFullScreen(actions.fillScreen),
        makeIconButton("keys", "Keys ?", "Keys and mouse (?)", actions.showHelp),
      ]),
    ]);
  }

  describe() {
    const { following, growing, settings } = this.view;
    const { tool, maximised, layout } = settings;
    const { volume } = settings.activeView;
    this.tools.forEach((button, i) => setPressed(button, TOOLS[i] === tool));
    this.window.describe();
    setValue(this.layout, maximised ? ONE : layout);
    setPressed(this.follow, following);
    this.follow.disabled = !growing;
    this.marks.disabled = !volume?.marks.list.length;
    this.remove.disabled = !volume?.marks.selected;
  }

  /** @param {boolean} folded */
  showFolded(folded) {
    setPressed(this.fold, folded);
  }
}

/**
 * @param {import("../tools/tool.js").Tool} tool
 * @param {() => void} press
 */
function makeToolButton({ icon, label, title, key }, press) {
  const words = `${title} (${key})`;
  return icon ? makeIconButton(icon, label, words, press) : makeButton(label, words, press);
}

/**
 * Not every browser can fill the screen: those of small phones can't.
 * @param {() => void} fillScreen
 */
function makeFullScreen(fillScreen) {
  return document.fullscreenEnabled
    ? [makeIconButton("full", "Full screen", "Planes on the whole screen, and back (Shift + F)", fillScreen)]
    : [];
}

/**
 * @param {View} view
 * @param {string} value  of LAYOUTS
 */
function choose(view, value) {
  if (value === ONE) view.settings.maximise(view.active);
  else view.settings.setLayout(/** @type {Layout} */ (value));
}

/**
 * The layout after the one that is.
 * @param {View} view
 */
export function nextLayout(view) {
  const names = LAYOUTS.map(([name]) => name);
  const now = names.indexOf(view.settings.maximised ? ONE : view.settings.layout);
  choose(view, names[(now + 1) % names.length]);
}
