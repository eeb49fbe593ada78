// @ts-check
// What is looked at, and how: the point, the window, the tool, the planes. It knows neither the page nor where slices
// come from.

import { midLung } from "./data/lungs.js";
import { LinkedPlane } from "./draw/linked_plane.js";
import { PLANES, Plane } from "./draw/plane.js";
import { Settings } from "./settings.js";

/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./data/marks.js").Mark} Mark */
/** @typedef {import("./draw/slab.js").Slab} Slab */

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
  /**
   * @param {import("./display.js").WindowPreset[]} presets
   * @param {View | null} lead  the view that this one goes with: it has the same settings, and its planes show each place
   *   of the patient where those of the other one show it
   */
  constructor(presets, lead = null) {
    this.changed = () => {}; // for whoever draws
    /** @type {Plane[]} */
    this.planes = lead ? lead.planes.map((plane) => new LinkedPlane(plane)) : PLANES.map((one) => new Plane(one));
    this.settings = lead?.settings ?? new Settings(presets, this);
    if (lead) this.settings.views.push(this);
    /** @type {Volume | null} */
    this.volume = null;
    this.name = ""; // which of two volumes it is, and of what run; of one alone, what it is if no ordinary one
    this.ownName = ""; // the same by what the person calls the run, where the name does not tell the two apart
    this.caption = ""; // what the volume is, where it is not that of the run that is shown
    this.isStandIn = false;
    /** @type {import("./data/difference.js").Difference | null} what the planes show in place of the volume, on its grid */
    this.difference = null;
    this.point = [0, 0, 0];
    this.following = true; // the newest slice
    this.chosen = false; // whether the person has gone to the slice that is shown
    this.growing = false; // whether slices may still come
  }

  get display() {
    return this.settings.display;
  }

  get tool() {
    return this.settings.tool;
  }

  get active() {
    return this.settings.active;
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

  /** Which of two volumes it is. What a person calls a run may be words of its report. */
  get label() {
    return (this.settings.showsOwnNames && this.ownName) || this.name;
  }

  /** What stands over the planes: what the volume is, and that some of it is a draft. */
  get words() {
    return this.caption || (this.volume?.hasDraft ? DRAFT : "");
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
    this.lookAt(this.volume, point);
    this.changed();
    return true;
  }

  /**
   * As `moveTo`, but nobody hears of it.
   * @param {Volume} volume  its own
   * @param {number[]} point
   */
  lookAt(volume, point) {
    const next = volume.clamp(point);
    if (next[volume.sliceAxis] !== this.point[volume.sliceAxis]) {
      this.following = false;
      this.chosen = true;
    }
    this.point = next;
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

  /** @param {Plane} plane */
  activate(plane) {
    if (this.active === plane) return;
    this.settings.active = plane;
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

  /** Resets places and sizes, but not the slice, which would be hard to find again, nor what has a button of its own. */
  reset() {
    for (const plane of this.planes) plane.reset();
    this.settings.maximised = null;
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
