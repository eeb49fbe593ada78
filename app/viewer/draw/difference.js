// @ts-check
// The difference of two volumes as a plane shows it: colours over a dim picture of A.

import { NOT_MADE } from "../data/volume.js";

/** @typedef {import("../data/difference.js").Difference} Difference */
/** @typedef {import("./plane.js").Plane} Plane */
/** @typedef {import("./plane.js").PlaneDefinition} PlaneDefinition */
/** @typedef {import("./slab.js").SlabKind} SlabKind */

/**
 * How differences are coloured, in HU: at `range` colours are strongest, below `threshold` there are none.
 * @typedef {{ range: number, threshold: number }} DifferenceScale
 */

/** @type {DifferenceScale} */
export const FIRST_SCALE = { range: 200, threshold: 20 };
export const RANGE_HU = [10, 2000]; // least and most
export const THRESHOLD_HU = [1, 1000];

const ZERO_HU = 32768; // the index of 0 HU in a table of greys
// Blue and orange are told apart by all kinds of colour vision, and grow as bright as each other. From 0 to the range.
const DENSER = [[84, 42, 8], [224, 108, 20], [255, 226, 140]];
const THINNER = [[12, 48, 96], [38, 128, 220], [172, 230, 255]];

/**
 * From B - A, which is the index less `range`, to opaque colours (ABGR); 0 below the threshold. What exceeds the range has
 * the colour at its end.
 * @param {DifferenceScale} scale
 */
export function colourTable({ range, threshold }) {
  return Uint32Array.from({ length: 2 * range + 1 }, (_, i) => {
    const hu = i - range;
    if (Math.abs(hu) < Math.min(threshold, range)) return 0;
    const [red, green, blue] = between(hu > 0 ? DENSER : THINNER, Math.abs(hu) / range);
    return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/**
 * @param {number[][]} colours  at 0, in the middle and at 1
 * @param {number} share
 */
function between(colours, share) {
  const first = share < 0.5 ? 0 : 1;
  const part = 2 * share - first;
  return colours[first].map((value, i) => Math.round(value + part * (colours[first + 1][i] - value)));
}

/**
 * Pixels that are transparent where one of the volumes is not there.
 * @param {Uint32Array} pixels
 * @param {Int16Array} a
 * @param {Int16Array} b
 * @param {Uint32Array} greys    for A, see greyTable
 * @param {DifferenceScale} scale
 * @param {Uint32Array} colours  see colourTable
 */
export function paintDifference(pixels, a, b, greys, { range, threshold }, colours) {
  for (let i = 0; i < pixels.length; i++) {
    if (a[i] === NOT_MADE || b[i] === NOT_MADE) {
      pixels[i] = 0;
      continue;
    }
    const hu = b[i] - a[i];
    const isChanged = hu >= threshold || hu <= -threshold;
    pixels[i] = isChanged ? colours[Math.min(Math.max(hu, -range), range) + range] : dim(greys[a[i] + ZERO_HU]);
  }
}

/** @param {number} grey  opaque (ABGR) */
function dim(grey) {
  const half = (grey & 0xff) >> 1;
  return (0xff000000 | (half << 16) | (half << 8) | half) >>> 0;
}

/** How what is shown so far and the next HU are put together. @type {Record<SlabKind, (shown: number, hu: number) => number>} */
const JOIN = { none: (_, hu) => hu, mip: Math.max, minip: Math.min, mean: (sum, hu) => sum + hu };

/**
 * What a plane shows of A and of B, row by row: of a slab, that of each volume, so that their difference is one of two
 * pictures that one knows. Slices that one of them lacks add to neither. Where there is nothing to compare, one of the
 * two is NOT_MADE.
 * @param {Int16Array} a
 * @param {Int16Array} b
 * @param {Difference} difference
 * @param {PlaneDefinition} plane
 * @param {number[]} range  first and last position
 * @param {SlabKind} kind
 */
export function projectBoth(a, b, difference, plane, range, kind) {
  const { axes } = difference.volumeA;
  const width = axes[plane.across].size;
  const point = [0, 0, 0];
  for (let v = 0; v < axes[plane.down].size; v++) {
    point[plane.down] = v;
    const [rowA, rowB] = [a, b].map((hu) => hu.subarray(v * width, (v + 1) * width));
    projectRow(rowA, rowB, difference, plane, point, range, kind);
  }
}

/**
 * A and B at a point as a plane shows them, or null where one of them is not there.
 * @param {Difference} difference
 * @param {PlaneDefinition} plane
 * @param {number[]} point
 * @param {number[]} range
 * @param {SlabKind} kind
 */
export function bothAt(difference, plane, point, range, kind) {
  const [a, b] = [new Int16Array(1), new Int16Array(1)];
  projectRow(a, b, difference, plane, point, range, kind);
  return a[0] === NOT_MADE || b[0] === NOT_MADE ? null : { a: a[0], b: b[0] };
}

/**
 * @param {Int16Array} rowA
 * @param {Int16Array} rowB
 * @param {Difference} difference
 * @param {PlaneDefinition} plane
 * @param {number[]} start  the point of the row's first voxel
 * @param {number[]} range
 * @param {SlabKind} kind
 */
function projectRow(rowA, rowB, difference, plane, start, [first, last], kind) {
  const point = start.slice();
  point[plane.through] = first;
  if (first !== last) return joinSlices(rowA, rowB, difference, plane, point, last, kind);
  difference.a.fill(rowA, point, plane.across);
  difference.b.fill(rowB, point, plane.across);
}

/**
 * A row of a slab.
 * @param {Int16Array} rowA
 * @param {Int16Array} rowB
 * @param {Difference} difference
 * @param {PlaneDefinition} plane
 * @param {number[]} point  of the row's first voxel in the first slice; it is led to the last one
 * @param {number} last
 * @param {SlabKind} kind
 */
function joinSlices(rowA, rowB, difference, plane, point, last, kind) {
  const width = rowA.length;
  const [lineA, lineB] = [new Int16Array(width), new Int16Array(width)];
  const [shownA, shownB, counts] = [new Float64Array(width), new Float64Array(width), new Uint16Array(width)];
  const join = JOIN[kind];
  for (; point[plane.through] <= last; point[plane.through]++) {
    difference.a.fill(lineA, point, plane.across);
    difference.b.fill(lineB, point, plane.across);
    for (let h = 0; h < width; h++) {
      if (lineA[h] === NOT_MADE || lineB[h] === NOT_MADE) continue;
      shownA[h] = counts[h] ? join(shownA[h], lineA[h]) : lineA[h];
      shownB[h] = counts[h] ? join(shownB[h], lineB[h]) : lineB[h];
      counts[h]++;
    }
  }
  for (let h = 0; h < width; h++) {
    const share = kind === "mean" ? counts[h] : 1;
    rowA[h] = counts[h] ? Math.round(shownA[h] / share) : NOT_MADE;
    rowB[h] = counts[h] ? Math.round(shownB[h] / share) : NOT_MADE;
  }
}

/** A plane's difference on a canvas of its own, made again only if something has changed: a `Source` (layer.js). */
export class DifferencePicture {
  /** @param {Plane} plane */
  constructor(plane) {
    this.plane = plane;
    this.canvas = document.createElement("canvas");
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    this.image = new ImageData(1, 1);
    this.a = new Int16Array(1);
    this.b = new Int16Array(1);
    /** @type {any[]} what the HU were made from */
    this.source = [];
    /** @type {any[]} what the canvas was painted with */
    this.painted = [];
  }

  /** @param {import("../view.js").View} view  of A */
  draw({ difference, point, display: { greys, scale, colours } }) {
    if (!difference) return;
    const { plane } = this;
    const range = plane.range(difference.volumeA, point[plane.through]);
    const source = [difference, difference.version, plane.slab.kind, ...range];
    const painted = [...source, greys, colours];
    if (isSame(painted, this.painted)) return;
    if (!isSame(source, this.source)) {
      this.fit(difference.volumeA.axes[plane.across].size, difference.volumeA.axes[plane.down].size);
      projectBoth(this.a, this.b, difference, plane, range, plane.slab.kind);
    }
    paintDifference(new Uint32Array(this.image.data.buffer), this.a, this.b, greys, scale, colours);
    this.context.putImageData(this.image, 0, 0);
    this.source = source;
    this.painted = painted;
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
    this.a = new Int16Array(width * height);
    this.b = new Int16Array(width * height);
  }
}

/**
 * @param {any[]} one
 * @param {any[]} other
 */
function isSame(one, other) {
  return one.length === other.length && one.every((value, i) => value === other[i]);
}
