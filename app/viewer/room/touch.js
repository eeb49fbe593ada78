// @ts-check
// What fingers on a plane mean. It knows neither planes nor the browser: places are pixels, fingers have ids.

/**
 * @typedef {object} Gestures
 * @property {(x: number, y: number) => void} tap
 * @property {(x: number, y: number) => void} hold   one finger stays where it came down, and later moves on from there
 * @property {(x: number, y: number) => void} begin  one finger has begun to move, from here
 * @property {(x: number, y: number, dx: number, dy: number) => void} drag  it has moved by (dx, dy)
 * @property {() => void} end                        it has left, or another one has come
 * @property {(x: number, y: number, dx: number, dy: number, factor: number) => void} pinch
 *   two fingers: the place between them has moved by (dx, dy) to (x, y), and they are farther apart by `factor`
 */

const STILL_PX = 8; // a finger that moves less has not moved
const HOLD_MS = 500;

export class Touch {
  /** @param {Gestures} gestures */
  constructor(gestures) {
    this.gestures = gestures;
    /** @type {Map<number, number[]>} where the fingers are */
    this.fingers = new Map();
    this.moved = false; // since the first finger came down
    this.pinched = false;
    this.held = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * @param {number} id
   * @param {number} x
   * @param {number} y
   */
  down(id, x, y) {
    if (!this.fingers.size) this.begin(x, y);
    else if (!this.pinched) this.endDrag();
    this.fingers.set(id, [x, y]);
    this.pinched ||= this.fingers.size > 1;
  }

  /**
   * The first finger.
   * @param {number} x
   * @param {number} y
   */
  begin(x, y) {
    this.moved = this.pinched = this.held = false;
    this.timer = setTimeout(() => {
      this.held = true;
      this.gestures.hold(x, y);
    }, HOLD_MS);
  }

  endDrag() {
    clearTimeout(this.timer);
    if (this.moved && !this.held) this.gestures.end();
  }

  /**
   * After a pinch, the finger that stays longer than the other one does nothing.
   * @param {number} id
   * @param {number} x
   * @param {number} y
   */
  move(id, x, y) {
    const before = this.fingers.get(id);
    if (!before) return;
    const [dx, dy] = [x - before[0], y - before[1]];
    if (this.fingers.size === 2) this.pinch(id, x, y);
    else if (this.fingers.size === 1 && !this.pinched) this.drag(id, x, y, dx, dy);
    else this.fingers.set(id, [x, y]);
  }

  /** @param {number} id */
  up(id) {
    const place = this.fingers.get(id);
    this.fingers.delete(id);
    if (!place || this.pinched) return;
    this.endDrag();
    if (!this.moved && !this.held) this.gestures.tap(place[0], place[1]);
  }

  /**
   * The browser has taken a finger away.
   * @param {number} id
   */
  cancel(id) {
    if (!this.fingers.delete(id) || this.pinched) return;
    this.endDrag();
    this.moved = true;
  }

  /**
   * @param {number} id
   * @param {number} x
   * @param {number} y
   * @param {number} dx
   * @param {number} dy
   */
  drag(id, x, y, dx, dy) {
    if (!this.moved && Math.hypot(dx, dy) < STILL_PX) return;
    clearTimeout(this.timer);
    this.fingers.set(id, [x, y]);
    if (this.held) this.gestures.hold(x, y);
    else if (this.moved) this.gestures.drag(x, y, dx, dy);
    else this.gestures.begin(x - dx, y - dy); // the pixels that told so are not part of the drag
    this.moved = true;
  }

  /**
   * @param {number} id
   * @param {number} x
   * @param {number} y
   */
  pinch(id, x, y) {
    const before = between(...this.fingers.values());
    this.fingers.set(id, [x, y]);
    const now = between(...this.fingers.values());
    this.gestures.pinch(now.x, now.y, now.x - before.x, now.y - before.y, now.apart / before.apart);
  }
}

/** @param {number[][]} fingers  two */
function between(...[[ax, ay], [bx, by]]) {
  return { x: (ax + bx) / 2, y: (ay + by) / 2, apart: Math.max(1, Math.hypot(ax - bx, ay - by)) };
}
