// @ts-check
// One plane as geometry: where on its canvas a voxel lies, and which voxel lies where. Lengths are CSS pixels.

import { slabRange } from "./slab.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("./slab.js").Slab} Slab */

/**
 * `across` and `down` are the patient axes along the picture, `through` the one that it is cut at.
 * @typedef {object} PlaneDefinition
 * @property {string} name
 * @property {number} across
 * @property {number} down
 * @property {number} through
 */

/** @type {PlaneDefinition[]} */
export const PLANES = [
  { name: "Axial", across: 0, down: 1, through: 2 },
  { name: "Coronal", across: 0, down: 2, through: 1 },
  { name: "Sagittal", across: 1, down: 2, through: 0 },
];

const LEAST_ZOOM = 0.5;
const MOST_ZOOM = 20;
const FIRST_SLAB_MM = 20;

export class Plane {
  /** @param {PlaneDefinition} definition */
  constructor({ name, across, down, through }) {
    this.name = name;
    this.across = across;
    this.down = down;
    this.through = through;
    /** @type {Plane} the plane that it goes with: itself, but for a second volume */
    this.leader = this;
    this.width = 0;
    this.height = 0;
    this.zoom = 1;
    this.pan = [0, 0];
    /** @type {Slab} */
    this.slab = { kind: "none", mm: FIRST_SLAB_MM };
  }

  reset() {
    this.zoom = 1;
    this.pan = [0, 0];
  }

  /**
   * Takes zoom, place and slab of another plane.
   * @param {Plane} plane
   */
  frameAs({ zoom, pan, slab }) {
    this.zoom = zoom;
    this.pan = pan.slice();
    this.slab = slab;
  }

  /**
   * @param {number} width   of the canvas
   * @param {number} height
   */
  resize(width, height) {
    this.width = width;
    this.height = height;
  }

  /**
   * The rectangle on the canvas that holds the whole slice; `scale` is pixels per mm, the same in both directions.
   * @param {Volume} volume
   */
  rectangle(volume) {
    const across = volume.axes[this.across];
    const down = volume.axes[this.down];
    const widthMm = across.size * across.spacing;
    const heightMm = down.size * down.spacing;
    const scale = Math.min((this.width - 2) / widthMm, (this.height - 2) / heightMm) * this.zoom;
    const [width, height] = [widthMm * scale, heightMm * scale];
    const left = (this.width - width) / 2 + this.pan[0];
    const top = (this.height - height) / 2 + this.pan[1];
    return { scale, width, height, left, top };
  }

  /**
   * The first and last position that it shows around another one: the same, where it shows one slice.
   * @param {Volume} volume
   * @param {number} position
   */
  range(volume, position) {
    return slabRange(volume.axes[this.through], position, this.slab);
  }

  /**
   * From a place on the canvas to the voxel there, which may lie outside of the volume.
   * @param {Volume} volume
   * @param {number[]} point  gives the position along the axis that the canvas does not show
   * @param {number} x
   * @param {number} y
   */
  pointAt(volume, point, x, y) {
    return this.placeIn(volume, point, x, y).map((position) => Math.floor(position + 0.5));
  }

  /**
   * From a place on the canvas to the point there, which may lie between voxels and outside of the volume.
   * @param {Volume} volume
   * @param {number[]} point  gives the position along the axis that the canvas does not show
   * @param {number} x
   * @param {number} y
   */
  placeIn(volume, point, x, y) {
    const { left, top, width, height } = this.rectangle(volume);
    const found = point.slice();
    found[this.across] = ((x - left) / width) * volume.axes[this.across].size - 0.5;
    found[this.down] = ((y - top) / height) * volume.axes[this.down].size - 0.5;
    return found;
  }

  /**
   * From a point to where it lies on the canvas.
   * @param {Volume} volume
   * @param {number[]} point
   */
  placeOf(volume, point) {
    const { left, top, width, height } = this.rectangle(volume);
    const share = (/** @type {number} */ axis) => (point[axis] + 0.5) / volume.axes[axis].size;
    return [left + share(this.across) * width, top + share(this.down) * height];
  }

  /**
   * Zooms so that what lies under (x, y) stays there.
   * @param {Volume} volume
   * @param {number} x
   * @param {number} y
   * @param {number} factor
   */
  zoomAt(volume, x, y, factor) {
    const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.zoom * factor));
    const change = zoom / this.zoom;
    const { left, top, width, height } = this.rectangle(volume);
    this.pan[0] += (x - (left + width / 2)) * (1 - change);
    this.pan[1] += (y - (top + height / 2)) * (1 - change);
    this.zoom = zoom;
  }
}
