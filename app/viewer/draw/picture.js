// @ts-check
// What a plane shows as grey pixels, one per voxel; Canvas2D scales it to true proportions afterwards.

import { NOT_MADE } from "../data/volume.js";
import { project } from "./slab.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {{ width: number, level: number }} GreyWindow  in HU */

const LEVELS = 65536;
const ZERO_HU = 32768; // the index of 0 HU in a table
const WHITE = 255;

/**
 * From HU to opaque grey (ABGR), as ctflow.windows.windowed. The index is HU + 32768; what is not made is transparent.
 * @param {GreyWindow} window
 * @param {boolean} inverted  whether low HU are white
 */
export function greyTable(window, inverted = false) {
  const table = new Uint32Array(LEVELS);
  const low = window.level - window.width / 2;
  for (let i = 0; i < LEVELS; i++) {
    const share = ((i - ZERO_HU - low) * WHITE) / window.width;
    const bright = Math.trunc(Math.min(Math.max(share, 0), WHITE));
    const grey = inverted ? WHITE - bright : bright;
    table[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  table[NOT_MADE + ZERO_HU] = 0;
  return table;
}

/**
 * @param {Uint32Array} pixels
 * @param {Int16Array} hu
 * @param {Uint32Array} table  see greyTable
 */
export function paint(pixels, hu, table) {
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[hu[i] + ZERO_HU];
}

/**
 * A plane's pixels on a canvas of their own, which is never shown itself. What has not changed since the last picture
 * is not made again: scrolling through one plane leaves the others as they are, and a window leaves all HU.
 */
export class Picture {
  /** @param {Plane} plane */
  constructor(plane) {
    this.plane = plane;
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = 1;
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = new ImageData(1, 1);
    this.hu = new Int16Array(1);
    /** @type {any[]} what `hu` was made from */
    this.source = [];
    /** @type {Uint32Array | null} what the canvas was painted with */
    this.table = null;
  }

  /**
   * @param {Volume} volume
   * @param {number} position
   * @param {Uint32Array} table
   */
  draw(volume, position, table) {
    const { plane } = this;
    const range = plane.range(volume, position);
    const source = [volume, volume.version, plane.slab.kind, ...range];
    const isSame = source.length === this.source.length && source.every((value, i) => value === this.source[i]);
    if (isSame && table === this.table) return;
    if (!isSame) {
      this.fit(volume.axes[plane.across].size, volume.axes[plane.down].size);
      project(this.hu, volume, plane, range, plane.slab.kind);
    }
    paint(new Uint32Array(this.image.data.buffer), this.hu, table);
    this.context.putImageData(this.image, 0, 0);
    this.source = source;
    this.table = table;
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
    this.hu = new Int16Array(width * height);
  }
}
