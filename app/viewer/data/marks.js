// @ts-check
// The marks of one volume: what has been measured in it, and where. Points may lie between voxels; all points of a mark
// lie in one slice of the plane that it was made in. Nothing here knows of HU, millimetres or pixels.

/** @typedef {"length" | "angle" | "ellipse" | "hu"} Kind */

/**
 * @typedef {object} Mark
 * @property {Kind} kind
 * @property {number} through     the patient axis that its plane is cut at
 * @property {number[][]} points  length: both ends. Angle: one end, the vertex, the other end. Ellipse: two opposite
 *   corners of the box around it. HU: the place.
 */

/** @type {Record<Kind, number>} how many points each has */
export const POINTS = { length: 2, angle: 3, ellipse: 2, hu: 1 };

export class Marks {
  constructor() {
    /** @type {Mark[]} in the order in which they were made */
    this.list = [];
    /** @type {Mark | null} */
    this.selected = null;
    /** @type {Mark | null} one whose last point still follows the pointer */
    this.unfinished = null;
  }

  /**
   * Puts the first point of a mark.
   * @param {Kind} kind
   * @param {number} through
   * @param {number[]} point
   */
  begin(kind, through, point) {
    this.abandon();
    const mark = { kind, through, points: [point.slice()] };
    this.list.push(mark);
    this.selected = this.unfinished = mark;
    this.next();
  }

  /**
   * Moves the last point of the unfinished mark.
   * @param {number[]} point
   */
  follow(point) {
    if (this.unfinished) this.moveEnd(this.unfinished, this.unfinished.points.length - 1, point);
  }

  /** The last point of the unfinished mark stays where it is. */
  put() {
    this.next();
  }

  next() {
    const mark = this.unfinished;
    if (!mark) return;
    if (mark.points.length === POINTS[mark.kind]) this.unfinished = null;
    else mark.points.push(mark.points[mark.points.length - 1].slice());
  }

  /** Takes an unfinished mark away. */
  abandon() {
    if (this.unfinished) this.remove(this.unfinished);
  }

  /**
   * Moves one point of a mark, within its slice.
   * @param {Mark} mark
   * @param {number} end  which of its points
   * @param {number[]} point
   */
  moveEnd(mark, end, point) {
    mark.points[end] = point.map((value, axis) => (axis === mark.through ? mark.points[end][axis] : value));
  }

  /**
   * Moves a whole mark, also to another slice.
   * @param {Mark} mark
   * @param {number[]} by  voxels
   */
  shift(mark, by) {
    mark.points = mark.points.map((point) => point.map((value, axis) => value + by[axis]));
  }

  /** @param {Mark} mark */
  remove(mark) {
    this.list = this.list.filter((other) => other !== mark);
    if (this.selected === mark) this.selected = null;
    if (this.unfinished === mark) this.unfinished = null;
  }

  /** @param {Mark | null} mark */
  select(mark) {
    this.selected = mark;
  }

  /**
   * The mark after the selected one, or before it; round at the ends, null where there are none.
   * @param {number} step  1 or -1
   */
  beside(step) {
    const { length } = this.list;
    if (!length) return null;
    const from = this.selected ? this.list.indexOf(this.selected) : step > 0 ? -1 : length;
    return this.list[(from + step + length) % length];
  }

  /** A copy of all finished marks, for `restore`. */
  state() {
    return this.list.filter((mark) => mark !== this.unfinished).map(copy);
  }

  /** @param {Mark[]} marks */
  restore(marks) {
    this.list = marks.map(copy);
    this.selected = this.unfinished = null;
  }
}

/**
 * @param {Mark} mark
 * @returns {Mark}
 */
function copy({ kind, through, points }) {
  return { kind, through, points: points.map((point) => point.slice()) };
}
