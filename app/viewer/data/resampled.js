// @ts-check
// A volume as it is seen on another one's grid, by mm, through both affines. For display only: nothing is kept, each
// row is computed when it is asked for.

import { apply, applyToStep, chain, determinant, inverse, moved } from "./affine.js";
import { MADE, NOT_MADE } from "./volume.js";

/** @typedef {import("./volume.js").Volume} Volume */

export const NOT_MOVED = [0, 0, 0]; // mm
const SAME_VOXEL = 0.01; // of a voxel: what is nearer than this lies on it

export class Resampled {
  /**
   * @param {Volume} volume
   * @param {Volume} onto  whose grid it is seen on
   * @param {number[]} movedMm  by how much the volume is moved first: LPS mm
   */
  constructor(volume, onto, movedMm = NOT_MOVED) {
    this.volume = volume;
    this.onto = onto;
    this.affine = chain(inverse(moved(volume.affine, movedMm)), onto.affine); // from indices in `onto` to those in `volume`
    const whole = this.affine.map((row) => row.map(Math.round));
    const corners = cornersOf(onto.shape);
    const off = corners.flatMap((corner) => differences(apply(this.affine, corner), apply(whole, corner)));
    /** Whether every voxel of one grid lies on one of the other's, so that HU are those of the file. */
    this.isExact = Math.abs(determinant(whole)) === 1 && Math.max(...off) < SAME_VOXEL;
    if (this.isExact) this.affine = whole;
    this.needed = Array.from({ length: onto.shape[0] }, (_, slice) => this.slicesFor(slice));
  }

  /** Whether they share any place, whether it is made yet or not. Of oblique grids: whether their boxes do. */
  get overlaps() {
    return this.isAlongAll((first, last, size) => last >= -0.5 && first <= size - 0.5);
  }

  /** Whether the volume has all places of `onto`, whether they are made yet or not. */
  get coversAll() {
    return this.isAlongAll((first, last, size) => first >= -0.5 && last <= size - 0.5);
  }

  /**
   * Whether something holds along each index of the volume, where `onto` reaches from `first` to `last` along it.
   * @param {(first: number, last: number, size: number) => boolean} holds
   */
  isAlongAll(holds) {
    const corners = cornersOf(this.onto.shape).map((corner) => apply(this.affine, corner));
    return this.volume.shape.every((size, axis) => {
      const along = corners.map((corner) => corner[axis]);
      return holds(Math.min(...along), Math.max(...along), size);
    });
  }

  /**
   * Fills a row of HU: NOT_MADE where the volume ends, where it is not made yet, or is only a draft.
   * @param {Int16Array} row
   * @param {number[]} point  of `onto`, for the row's first voxel
   * @param {number} axis     patient axis along which the row runs, in the direction in which positions grow
   */
  fill(row, point, axis) {
    const { index, flipped } = this.onto.axes[axis];
    const step = [0, 0, 0];
    step[index] = flipped ? -1 : 1;
    this.fillFrom(row, this.onto.index(point), step);
  }

  /**
   * The same by indices of the file.
   * @param {Int16Array} row
   * @param {number[]} index  of `onto`, for the row's first voxel
   * @param {number[]} step   from one voxel of the row to the next
   */
  fillFrom(row, index, step) {
    const start = apply(this.affine, index);
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
    const [first, last] = this.needed[slice];
    let count = 0;
    for (let one = first; one <= last; one++) count += Number(this.volume.made[one] === MADE);
    return count;
  }

  /**
   * The first and last slice of the volume that a slice of `onto` needs; the last comes before the first if it needs none.
   * @param {number} slice  index in the file
   */
  slicesFor(slice) {
    const [, rows, columns] = this.onto.shape;
    const along = cornersOf([1, rows, columns]).map(([, row, column]) => apply(this.affine, [slice, row, column])[0]);
    const [first, last] = [Math.floor(Math.min(...along)), Math.ceil(Math.max(...along))];
    return [Math.max(first, 0), Math.min(last, this.volume.shape[0] - 1)];
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
 * Voxels that lie on those of the volume.
 * @param {Int16Array} row
 * @param {Volume} volume
 * @param {number[]} start  whole index
 * @param {number[]} along  step of one index
 */
function copy(row, { hu, made, shape }, start, along) {
  const [first, end] = inside(row.length, shape, start, along);
  const [from, stride, isOneSlice] = [elements(start, shape), elements(along, shape), along[0] === 0];
  row.fill(NOT_MADE);
  if (isOneSlice && made[start[0]] !== MADE) return;
  for (let h = first; h < end; h++) {
    if (isOneSlice || made[start[0] + h * along[0]] === MADE) row[h] = hu[from + h * stride];
  }
}

/**
 * An index, or a step of one, in elements of `hu`.
 * @param {number[]} index
 * @param {number[]} shape
 */
function elements([slice, row, column], [, rows, columns]) {
  return (slice * rows + row) * columns + column;
}

/**
 * The first voxel of a row that lies in the volume, and the one after the last.
 * @param {number} length   of the row
 * @param {number[]} shape
 * @param {number[]} start  whole index
 * @param {number[]} along  step of one index
 */
function inside(length, shape, start, along) {
  let [first, end] = [0, length];
  shape.forEach((size, axis) => {
    const [at, step] = [start[axis], along[axis]];
    if (step === 0 && (at < 0 || at >= size)) end = 0;
    if (step === 1) [first, end] = [Math.max(first, -at), Math.min(end, size - at)];
    if (step === -1) [first, end] = [Math.max(first, at - size + 1), Math.min(end, at + 1)];
  });
  return [first, end];
}

/**
 * Linear between the eight voxels around each place. The outermost voxels reach half a voxel beyond their centres. One
 * loop without arrays, because it runs over millions of voxels.
 * @param {Int16Array} row
 * @param {Volume} volume
 * @param {number[]} start  index, which may lie between voxels
 * @param {number[]} along
 */
function interpolate(row, { hu, made, shape: [slices, rows, columns] }, start, along) {
  const [startS, startR, startC, alongS, alongR, alongC] = [...start, ...along];
  const slice = rows * columns;
  for (let h = 0; h < row.length; h++) {
    const s = startS + h * alongS;
    const r = startR + h * alongR;
    const c = startC + h * alongC;
    row[h] = NOT_MADE;
    if (s < -0.5 || s > slices - 0.5 || r < -0.5 || r > rows - 0.5 || c < -0.5 || c > columns - 0.5) continue;
    const [s0, r0, c0] = [before(s, slices), before(r, rows), before(c, columns)];
    const [s1, r1, c1] = [share(s, s0, slices), share(r, r0, rows), share(c, c0, columns)];
    if (made[s0] !== MADE || (s1 > 0 && made[s0 + 1] !== MADE)) continue;
    const voxel = s0 * slice + r0 * columns + c0;
    const below = r1 > 0 ? columns : 0;
    const right = c1 > 0 ? 1 : 0;
    const near = between(between(hu[voxel], hu[voxel + right], c1), between(hu[voxel + below], hu[voxel + below + right], c1), r1);
    const next = s1 > 0 ? voxel + slice : voxel;
    const far = between(between(hu[next], hu[next + right], c1), between(hu[next + below], hu[next + below + right], c1), r1);
    row[h] = Math.round(between(near, far, s1));
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
 * @param {number} from
 * @param {number} to
 * @param {number} part
 */
function between(from, to, part) {
  return from + part * (to - from);
}
