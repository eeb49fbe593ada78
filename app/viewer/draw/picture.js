// @ts-check
// One slice of the volume as grey pixels, one per voxel; Canvas2D scales it to true proportions afterwards.

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("./plane.js").PlaneDefinition} PlaneDefinition */
/** @typedef {{ width: number, level: number }} GreyWindow  in HU */

const LEVELS = 65536;
const ZERO_HU = 32768; // the index of 0 HU in a table

/**
 * From HU to opaque grey (ABGR), as ctflow.windows.windowed. The index is HU + 32768.
 * @param {GreyWindow} window
 */
export function greyTable(window) {
  const table = new Uint32Array(LEVELS);
  const low = window.level - window.width / 2;
  for (let i = 0; i < LEVELS; i++) {
    const share = ((i - ZERO_HU - low) * 255) / window.width;
    const grey = Math.trunc(Math.min(Math.max(share, 0), 255));
    table[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

/**
 * Fills `pixels` with a slice, row by row; what is not made yet stays transparent.
 * @param {Uint32Array} pixels
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 * @param {number} position  along the axis that the plane is cut at
 * @param {Uint32Array} table  see greyTable
 */
export function paint(pixels, volume, plane, position, table) {
  const across = volume.axes[plane.across];
  const down = volume.axes[plane.down];
  const start = volume.origin + position * volume.axes[plane.through].stride;
  const made = madeAlong(volume, plane, position);
  const { hu } = volume;
  for (let v = 0, out = 0; v < down.size; v++) {
    let voxel = start + v * down.stride;
    for (let h = 0; h < across.size; h++, out++, voxel += across.stride) {
      pixels[out] = made(h, v) ? table[hu[voxel] + ZERO_HU] : 0;
    }
  }
}

/**
 * Slices are made along one patient axis, which may lie across, down or through the picture.
 * @param {Volume} volume
 * @param {PlaneDefinition} plane
 * @param {number} position
 * @returns {(across: number, down: number) => boolean}
 */
function madeAlong(volume, plane, position) {
  const axis = volume.sliceAxis;
  const madeAt = (/** @type {number} */ p) => volume.made[volume.indexOf(axis, p)] === 1;
  if (axis === plane.through) {
    const all = madeAt(position);
    return () => all;
  }
  const made = Array.from({ length: volume.axes[axis].size }, (_, p) => madeAt(p));
  return axis === plane.across ? (h) => made[h] : (_, v) => made[v];
}

/** A slice on a canvas of its own, which is never shown itself. */
export class Picture {
  /** @param {PlaneDefinition} plane */
  constructor(plane) {
    this.plane = plane;
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = 1;
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = new ImageData(1, 1);
  }

  /**
   * @param {Volume} volume
   * @param {number} position
   * @param {Uint32Array} table
   */
  draw(volume, position, table) {
    this.fit(volume.axes[this.plane.across].size, volume.axes[this.plane.down].size);
    paint(new Uint32Array(this.image.data.buffer), volume, this.plane, position, table);
    this.context.putImageData(this.image, 0, 0);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  fit(width, height) {
    if (this.image.width === width && this.image.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.image = new ImageData(width, height);
  }
}
