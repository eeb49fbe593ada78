// @ts-check
// What is looked at, and how: the point, the window, the tool, the planes. It knows neither the page nor where slices
// come from.

import { midLung } from "./data/lungs.js";
import { Display } from "./display.js";
import { PLANES, Plane } from "./draw/plane.js";
import { TOOLS } from "./tools/index.js";

/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./data/marks.js").Mark} Mark */
/** @typedef {import("./draw/slab.js").Slab} Slab */
/** @typedef {import("./tools/tool.js").Tool} Tool */
/** @typedef {"large" | "row"} Layout  the axial plane large beside the others, or all of one size */

/**
 * @typedef {object} Place
 * @property {number[]} point
 * @property {boolean} following
 * @property {boolean} chosen
 * @property {Mark[]} marks
 */

const DRAFT = "Draft";

/** Methods that a key may call return whether they did something. */
export class View {
  /** @param {import("./display.js").WindowPreset[]} presets */
  constructor(presets) {
    this.changed = () => {}; // for whoever draws
    this.display = new Display(presets, () => this.changed());
    this.planes = PLANES.map((definition) => new Plane(definition));
    this.active = this.planes[0]; // keys are for it
    /** @type {Plane | null} the plane that has all the room */
    this.maximised = null;
    /** @type {Layout} */
    this.layout = "large";
    /** @type {Volume | null} */
    this.volume = null;
    this.caption = ""; // what the volume is, where it is not that of the run that is shown
    this.isStandIn = false;
    /** @type {import("./data/difference.js").Difference | null} what the planes show in place of the volume, on its grid */
    this.difference = null;
    this.point = [0, 0, 0];
    this.tool = TOOLS[0];
    this.following = true; // the newest slice
    this.chosen = false; // whether the person has gone to the slice that is shown
    this.growing = false; // whether slices may still come
    /** @type {Plane | null} the plane that cine runs in */
    this.playing = null;
    this.speed = 12; // of cine, slices in a second
  }

  /**
   * Another volume, or none. A slice that the person has chosen stays; else its newest one is followed. The place in the
   * slice, zoom and window stay in any case.
   * @param {Volume | null} volume
   * @param {boolean} isNew  whether it was not looked at before: one that was is shown where one looks now
   */
  setVolume(volume, isNew = true) {
    this.volume?.marks.abandon();
    if (this.isStandIn) this.chosen = false;
    this.isStandIn = false;
    this.caption = "";
    this.following = isNew && !this.chosen;
    if (volume) this.point = this.pointIn(volume);
    this.volume = volume;
    if (volume && this.following) this.point = this.withSlice(this.point, volume.positionOf(0));
    this.changed();
  }

  /**
   * Where the point lies in another volume: in the same slice of the file, or in its last one.
   * @param {Volume} volume
   */
  pointIn(volume) {
    if (!this.volume) return volume.middle;
    const { sliceAxis } = this.volume;
    const slice = Math.min(this.volume.indexOf(sliceAxis, this.point[sliceAxis]), volume.shape[0] - 1);
    return volume.clamp(this.withSlice(this.point, volume.positionOf(slice)));
  }

  /**
   * A volume to look at until there is another one. Where somebody looked in it means nothing for the next one.
   * @param {Volume} volume
   * @param {string} caption
   */
  setStandIn(volume, caption) {
    this.setVolume(volume);
    this.caption = caption;
    this.isStandIn = true;
    if (volume.onlyAt) this.point = volume.onlyAt;
    this.following &&= !volume.onlyAt;
    this.settle();
  }

  /** What stands over the planes: what the volume is, and that some of it is a draft. */
  get words() {
    return this.caption || (this.volume?.hasDraft ? DRAFT : "");
  }

  /** @param {import("./data/difference.js").Difference | null} difference  of this volume and another one */
  setDifference(difference) {
    this.difference = difference;
    this.changed();
  }

  /** @param {string} caption */
  setCaption(caption) {
    this.caption = caption;
    this.changed();
  }

  /**
   * The same volume without its last slices: the slice that is shown stays, if it is still there.
   * @param {Volume} volume
   */
  shorten(volume) {
    this.point = this.pointIn(volume);
    this.volume = volume;
    this.changed();
  }

  /** Slices have arrived: shows the newest, unless the person has gone elsewhere. */
  arrived() {
    const newest = this.volume?.newestSlice ?? -1;
    if (this.volume && this.following && newest >= 0) {
      this.point = this.withSlice(this.point, this.volume.positionOf(newest));
    }
    this.changed();
  }

  /** The volume is done: shows the middle of its lungs, unless the person has gone elsewhere. */
  settle() {
    if (!this.volume || !this.following) return;
    this.following = false;
    this.point = this.withSlice(this.point, this.volume.positionOf(midLung(this.volume)));
    this.changed();
  }

  /**
   * @param {number[]} point
   * @param {number} position  along the axis of the slices
   */
  withSlice(point, position) {
    return point.map((value, axis) => (axis === this.volume?.sliceAxis ? position : value));
  }

  /** @param {number[]} point */
  moveTo(point) {
    if (!this.volume) return false;
    const next = this.volume.clamp(point);
    const along = this.volume.sliceAxis;
    if (next[along] !== this.point[along]) {
      this.following = false;
      this.chosen = true;
    }
    this.point = next;
    this.changed();
    return true;
  }

  /**
   * @param {Plane} plane
   * @param {number} position  along the axis that it is cut at
   */
  scrollTo(plane, position) {
    return this.moveTo(this.point.map((value, axis) => (axis === plane.through ? position : value)));
  }

  /**
   * @param {Plane} plane
   * @param {number} slices
   */
  scroll(plane, slices) {
    return this.scrollTo(plane, this.point[plane.through] + slices);
  }

  /**
   * @param {Plane} plane
   * @param {number} right  voxels
   * @param {number} down
   */
  nudge(plane, right, down) {
    const next = this.point.slice();
    next[plane.across] += right;
    next[plane.down] += down;
    return this.moveTo(next);
  }

  /**
   * Zooms at a place of the canvas, or else at its centre.
   * @param {Plane} plane
   * @param {number} factor
   * @param {number} x
   * @param {number} y
   */
  zoom(plane, factor, x = plane.width / 2, y = plane.height / 2) {
    if (!this.volume) return false;
    plane.zoomAt(this.volume, x, y, factor);
    this.changed();
    return true;
  }

  /**
   * @param {Plane} plane
   * @param {Slab} slab
   */
  setSlab(plane, slab) {
    plane.slab = slab;
    this.changed();
    return true;
  }

  /** @param {Tool} tool */
  setTool(tool) {
    this.volume?.marks.abandon();
    this.tool = tool;
    this.changed();
    return true;
  }

  /** @param {Plane | null} plane */
  setPlaying(plane) {
    this.playing = plane;
    this.changed();
    return true;
  }

  /** @param {number} speed  slices in a second */
  setSpeed(speed) {
    this.speed = speed;
    this.changed();
  }

  /**
   * Cine: the next slice that is made, and after the last one the first.
   * @param {Plane} plane
   */
  advance(plane) {
    if (!this.volume) return;
    const { size } = this.volume.axes[plane.through];
    const point = this.point.slice();
    do point[plane.through] = (point[plane.through] + 1) % size;
    while (!this.volume.isMade(point) && point[plane.through] !== this.point[plane.through]);
    this.moveTo(point);
  }

  /** @param {Plane} plane */
  activate(plane) {
    if (this.active === plane) return;
    this.active = plane;
    this.changed();
  }

  /** @param {boolean} following */
  setFollowing(following) {
    this.following = following;
    this.chosen = !following;
    if (following) this.arrived();
    else this.changed();
    return true;
  }

  /** @param {boolean} growing */
  setGrowing(growing) {
    this.growing = growing;
    this.changed();
  }

  /**
   * Gives a plane all the room, or takes it back.
   * @param {Plane} plane
   */
  maximise(plane) {
    this.maximised = this.maximised === plane ? null : plane;
    this.changed();
    return true;
  }

  /** @param {Layout} layout  of all planes */
  setLayout(layout) {
    this.layout = layout;
    this.maximised = null;
    this.changed();
    return true;
  }

  /** Resets places and sizes, but not the slice, which would be hard to find again, nor what has a button of its own. */
  reset() {
    for (const plane of this.planes) plane.reset();
    this.maximised = null;
    if (this.volume) this.point = this.withSlice(this.volume.middle, this.point[this.volume.sliceAxis]);
    this.changed();
    return true;
  }

  /** Where the view is, and the marks of its volume: for `goTo`. @returns {Place} */
  get place() {
    const { point, following, chosen } = this;
    return { point, following, chosen, marks: this.volume?.marks.state() ?? [] };
  }

  /** @param {Place} place */
  goTo({ point, following, chosen, marks }) {
    if (!this.volume) return;
    this.volume.marks.restore(marks);
    this.point = this.volume.clamp(point);
    this.chosen = chosen;
    this.following = following;
    this.changed();
  }
}
