// @ts-check
// A volume as it is seen on another one's grid, by mm, through both affines. For display only: nothing is kept, each
// row is computed when it is asked for.

import { apply, applyToStep, chain, determinant, inverse } from "./affine.js";
import { MADE, NOT_MADE } from "./volume.js";

/** @typedef {import("./volume.js").Volume} Volume */

const SAME_VOXEL = 0.01; // of a voxel: what is nearer than this lies on it

export class Resampled {
  /**
   * @param {Volume} volume
   * @param {Volume} onto  whose grid it is seen on
   */
  constructor(volume, onto) {
    this.volume = volume;
    this.onto = onto;
    this.affine = chain(inverse(volume.affine), onto.affine); // from indices in `onto` to those in `volume`
    const whole = this.affine.map((row) => row.map(Math.round));
    const corners = cornersOf(onto.shape);
    const off = corners.flatMap((corner) => differences(apply(this.affine, corner), apply(whole, corner)));
    /** Whether every voxel of one grid lies on one of the other's, so that HU are those of the file. */
    this.isExact = Math.abs(determinant(whole)) === 1 && Math.max(...off) < SAME_VOXEL;
    if (this.isExact) this.affine = whole;
  }

  /** Whether they share any place, whether it is made yet or not. Of oblique grids: whether their boxes do. */
  get overlaps() {
    const corners = cornersOf(this.onto.shape).map((corner) => apply(this.affine, corner));
    return this.volume.shape.every((size, axis) => {
      const along = corners.map((corner) => corner[axis]);
      return Math.max(...along) >= -0.5 && Math.min(...along) <= size - 0.5;
    });
  }

  /**
   * Fills a row of HU: NOT_MADE where the volume ends, where it is not made yet, or is only a draft.
   * @param {Int16Array} row
   * @param {number[]} point  of `onto`, for the row's first voxel
   * @param {number} axis     patient axis along which the row runs, in the direction in which positions grow
   */
  fill(row, point, axis) {
    const { onto } = this;
    const step = [0, 0, 0];
    step[onto.axes[axis].index] = onto.axes[axis].flipped ? -1 : 1;
    const start = apply(this.affine, onto.index(point));
    const along = applyToStep(this.affine, step);
    if (this.isExact) copy(row, this.volume, start, along);
    else interpolate(row, this.volume, start, along);
  }

  /**
   * HU at a point of `onto`, or null where there are none.
   * @param {number[]} point
   */
  at(point) {
    const row = new Int16Array(1);
    this.fill(row, point, 0);
    return row[0] === NOT_MADE ? null : row[0];
  }

  /**
   * How many slices are made of those that a slice of `onto` needs.
   * @param {number} slice  index in the file
   */
  madeFor(slice) {
    const [, rows, columns] = this.onto.shape;
    const along = cornersOf([1, rows, columns]).map(([, row, column]) => apply(this.affine, [slice, row, column])[0]);
    const { made } = this.volume;
    const [first, last] = [Math.floor(Math.min(...along)), Math.ceil(Math.max(...along))];
    return made.subarray(Math.max(first, 0), Math.max(last + 1, 0)).reduce((sum, state) => sum + Number(state === MADE), 0);
  }
}

/** @param {number[]} shape */
function cornersOf(shape) {
  const [slices, rows, columns] = shape.map((size) => [0, size - 1]);
  return slices.flatMap((slice) => rows.flatMap((row) => columns.map((column) => [slice, row, column])));
}

/**
 * @param {number[]} a
 * @param {number[]} b
 */
function differences(a, b) {
  return a.map((value, i) => Math.abs(value - b[i]));
}

/**
 * Voxels that lie on those of the volume. A loop of its own, because it runs over millions of them.
 * @param {Int16Array} row
 * @param {Volume} volume
 * @param {number[]} start  whole index
 * @param {number[]} along  step of one index
 */
function copy(row, { hu, made, shape: [slices, rows, columns] }, [s, r, c], [alongS, alongR, alongC]) {
  for (let h = 0; h < row.length; h++, s += alongS, r += alongR, c += alongC) {
    const isThere = s >= 0 && s < slices && r >= 0 && r < rows && c >= 0 && c < columns && made[s] === MADE;
    row[h] = isThere ? hu[(s * rows + r) * columns + c] : NOT_MADE;
  }
}

/**
 * Linear between the eight voxels around each place. The outermost voxels reach half a voxel beyond their centres.
 * @param {Int16Array} row
 * @param {Volume} volume
 * @param {number[]} start  index, which may lie between voxels
 * @param {number[]} along
 */
function interpolate(row, { hu, made, shape: [slices, rows, columns] }, start, along) {
  const plane = rows * columns;
  for (let h = 0; h < row.length; h++) {
    const [s, r, c] = [start[0] + h * along[0], start[1] + h * along[1], start[2] + h * along[2]];
    row[h] = NOT_MADE;
    if (s < -0.5 || s > slices - 0.5 || r < -0.5 || r > rows - 0.5 || c < -0.5 || c > columns - 0.5) continue;
    const [s0, r0, c0] = [before(s, slices), before(r, rows), before(c, columns)];
    const [fs, fr, fc] = [share(s, s0, slices), share(r, r0, rows), share(c, c0, columns)];
    if (made[s0] !== MADE || (fs > 0 && made[s0 + 1] !== MADE)) continue;
    const [nextS, nextR, nextC] = [fs > 0 ? plane : 0, fr > 0 ? columns : 0, fc > 0 ? 1 : 0];
    const voxel = s0 * plane + r0 * columns + c0;
    const near = square(hu, voxel, nextR, nextC, fr, fc);
    row[h] = Math.round(near + fs * (square(hu, voxel + nextS, nextR, nextC, fr, fc) - near));
  }
}

/**
 * The last index that is not beyond a place.
 * @param {number} place
 * @param {number} size
 */
function before(place, size) {
  return Math.min(Math.max(Math.floor(place), 0), size - 1);
}

/**
 * How far a place is from that index to the next one; 0 beyond the first and the last one.
 * @param {number} place
 * @param {number} index
 * @param {number} size
 */
function share(place, index, size) {
  return index === size - 1 ? 0 : Math.max(place - index, 0);
}

/**
 * Linear between four voxels of a slice.
 * @param {Int16Array} hu
 * @param {number} voxel
 * @param {number} nextR  to the next row, in elements
 * @param {number} nextC
 * @param {number} fr     share of the next row
 * @param {number} fc
 */
function square(hu, voxel, nextR, nextC, fr, fc) {
  const top = hu[voxel] + fc * (hu[voxel + nextC] - hu[voxel]);
  const low = hu[voxel + nextR] + fc * (hu[voxel + nextR + nextC] - hu[voxel + nextR]);
  return top + fr * (low - top);
}
