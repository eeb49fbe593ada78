// @ts-check
// What is the same for all volumes on the screen: how HU are shown, the tool, and how the planes are laid out.

import { Display } from "./display.js";
import { TOOLS } from "./tools/index.js";

/** @typedef {import("./draw/plane.js").Plane} Plane */
/** @typedef {import("./tools/tool.js").Tool} Tool */
/** @typedef {import("./view.js").View} View */
/** @typedef {"large" | "row"} Layout  the axial plane large beside the others, or all of one size */

/** Methods that a key may call return whether they did something. */
export class Settings {
  /**
   * @param {import("./display.js").WindowPreset[]} presets
   * @param {View} view      the first to be shown so; others may join `views`
   */
  constructor(presets, view) {
    this.views = [view];
    this.display = new Display(presets, () => view.changed());
    this.tool = TOOLS[0];
    /** @type {Layout} */
    this.layout = "large";
    /** @type {Plane | null} the plane of the first view that has all the room */
    this.maximised = null;
    /** @type {Plane | null} the plane of the first view that cine runs in */
    this.playing = null;
    this.showsOwnNames = true; // what the person calls the runs that are compared, see View.label
    this.speed = 12; // of cine, slices in a second
    this.active = view.planes[0]; // keys are for it
  }

  /** The view that keys are for. */
  get activeView() {
    return this.views.find(({ planes }) => planes.includes(this.active)) ?? this.views[0];
  }

  changed() {
    this.views[0].changed();
    return true;
  }

  /** @param {Tool} tool */
  setTool(tool) {
    for (const { volume } of this.views) volume?.marks.abandon();
    this.tool = tool;
    return this.changed();
  }

  /** @param {Plane | null} plane */
  setPlaying(plane) {
    this.playing = plane && plane.leader;
    return this.changed();
  }

  /** @param {number} speed  slices in a second */
  setSpeed(speed) {
    this.speed = speed;
    return this.changed();
  }

  /**
   * Gives a plane all the room, or takes it back.
   * @param {Plane} plane
   */
  maximise({ leader }) {
    this.maximised = this.maximised === leader ? null : leader;
    return this.changed();
  }

  /** @param {Layout} layout  of all planes */
  setLayout(layout) {
    this.layout = layout;
    this.maximised = null;
    return this.changed();
  }
}
