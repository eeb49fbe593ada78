// @ts-check
// Two volumes on the screen: how they are laid over or beside each other, and that both are looked at in the same place
// of the patient. It knows neither runs nor the page.

import { Difference } from "./data/difference.js";
import { Link } from "./data/link.js";
import { View } from "./view.js";

/** @typedef {import("./data/volume.js").Volume} Volume */
/** @typedef {import("./draw/linked_plane.js").LinkedPlane} LinkedPlane */
/** @typedef {import("./draw/plane.js").Plane} Plane */

/**
 * alone: A, and B as long as one blinks; side: A and B side by side; swipe: A left of a line, and B right of it;
 * difference: B - A in A's planes.
 * @typedef {"alone" | "side" | "swipe" | "difference"} Mode
 */

/** What is seen somewhere: a plane, and the view that it belongs to. @typedef {{ view: View, plane: Plane }} Seen */

const MIDDLE = 0.5;

export class Compared {
  /** @param {View} a */
  constructor(a) {
    this.a = a;
    this.b = new View([], a);
    /** @type {Mode} */
    this.mode = "alone";
    this.share = MIDDLE; // of a plane's width that lies left of the line
    this.isBlinking = false; // B is seen in A's planes
    this.wantsAligned = false; // whether the centres of both shall meet, where the volumes lie in different places
    /** @type {Link | null} while there are two volumes */
    this.link = null;
    /** @type {Difference | null} while there are two volumes */
    this.difference = null;
    this.changed = () => {}; // for whoever draws
    /** @type {(Volume | null)[]} */
    this.volumes = [null, null];
    /** @type {Map<View, any[]>} where each was when they were last brought together */
    this.places = new Map();
    for (const view of [this.a, this.b]) view.changed = () => this.viewChanged(view);
  }

  /** Whether there are two volumes to see. */
  get isOpen() {
    return this.a.volume !== null && this.b.volume !== null;
  }

  /** What is seen of the two: `alone` where there are not two. @returns {Mode} */
  get shown() {
    return this.isOpen ? this.mode : "alone";
  }

  /** Those whose volumes are seen. */
  get seen() {
    return this.shown === "alone" ? [this.isBlinking ? this.b : this.a] : [this.a, this.b];
  }

  /** @param {Mode} mode */
  setMode(mode) {
    this.mode = mode;
    if (this.shown !== "side" && this.a.settings.activeView === this.b) this.a.activate(this.a.active.leader);
    this.noteDifference();
    this.changed();
    return true;
  }

  /** Whether both are looked at in the same place. */
  get isLinked() {
    return this.link?.holds ?? false;
  }

  /** @param {boolean} aligned  whether B is moved so that the centres meet, where that is of use */
  setAligned(aligned) {
    this.wantsAligned = aligned;
    this.join();
    this.noteDifference();
    this.changed();
  }

  /** @param {number} share  from 0 to 1 */
  setShare(share) {
    this.share = Math.min(Math.max(share, 0), 1);
    this.changed();
  }

  /** @param {boolean} isBlinking */
  setBlinking(isBlinking) {
    if (this.isBlinking === (isBlinking && this.isOpen)) return;
    this.isBlinking = isBlinking && this.isOpen;
    this.changed();
  }

  /**
   * What is seen at a place of one of A's canvases, or of B's.
   * @param {Seen} own   whose canvas it is
   * @param {number} x   CSS pixels
   * @returns {Seen}
   */
  seenAt(own, x) {
    const isB = this.isBlinking || (this.shown === "swipe" && x >= this.share * own.plane.width);
    return isB && own.view === this.a ? this.partner(own.plane) : own;
  }

  /**
   * B's plane that goes with one of A's.
   * @param {Plane} plane
   * @returns {Seen}
   */
  partner(plane) {
    return { view: this.b, plane: this.b.planes[this.a.planes.indexOf(plane)] };
  }

  /** @param {View} view */
  viewChanged(view) {
    this.noteVolumes();
    this.noteDifference();
    if (this.isLinked && this.hasMoved(view)) {
      this.follow(view);
      for (const one of [this.a, this.b]) this.places.set(one, placeOf(one));
    }
    this.changed();
  }

  /** A's planes show the difference while that is what is wanted. */
  noteDifference() {
    this.a.difference = this.shown === "difference" ? this.difference : null;
  }

  /** @param {View} view */
  hasMoved(view) {
    const before = this.places.get(view);
    return !before || placeOf(view).some((value, i) => value !== before[i]);
  }

  /** Of other volumes than before it is found out where they lie. */
  noteVolumes() {
    const { a, b } = this;
    if (this.volumes[0] === a.volume && this.volumes[1] === b.volume) return;
    this.volumes = [a.volume, b.volume];
    if (!this.isOpen) this.isBlinking = false;
    this.join();
  }

  /** Finds out where both lie against each other; B begins where A is. */
  join() {
    const { a, b } = this;
    this.link = a.volume && b.volume && new Link(a.volume, b.volume, this.wantsAligned);
    this.difference = this.link && new Difference(this.link.a, this.link.b, this.link.movedMm);
    for (const plane of b.planes) /** @type {LinkedPlane} */ (plane).link = this.link;
    if (this.isLinked) this.follow(a);
    for (const view of [a, b]) this.places.set(view, placeOf(view));
  }

  /**
   * Brings the other view to the same place, or to the nearest one that its volume has.
   * @param {View} lead
   */
  follow(lead) {
    const { a, b, link } = this;
    const view = lead === a ? b : a;
    if (!link || !view.volume) return;
    view.planes.forEach((plane, i) => plane.frameAs(lead.planes[i]));
    const there = lead === a ? link.toB(lead.point) : link.toA(lead.point);
    view.lookAt(view.volume, there.map(Math.round));
  }
}

/**
 * What of a view the other one follows.
 * @param {View} view
 */
function placeOf({ point, planes }) {
  return [...point, ...planes.flatMap(({ zoom, pan, slab }) => [zoom, ...pan, slab.kind, slab.mm])];
}
