// @ts-check
// Shows the slices of one plane one after another, round and round, for as long as the view says so.

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */

const LATE_MS = 250; // a page that was hidden, or a picture that took long, is not caught up with

export class Cine {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.scheduled = 0;
    this.dueMs = 0; // when the next slice is
  }

  /** The view has changed. */
  update() {
    if (this.view.settings.playing && !this.scheduled) {
      this.dueMs = performance.now() + this.stepMs;
      this.schedule();
    }
  }

  get stepMs() {
    return 1000 / this.view.settings.speed;
  }

  schedule() {
    this.scheduled = requestAnimationFrame((nowMs) => this.tick(nowMs));
  }

  /** @param {number} nowMs */
  tick(nowMs) {
    this.scheduled = 0;
    const { playing } = this.view.settings;
    if (!playing) return;
    this.schedule();
    if (nowMs < this.dueMs) return;
    this.dueMs = Math.max(this.dueMs + this.stepMs, nowMs - LATE_MS);
    advance(this.view, playing);
  }
}

/**
 * To the next slice that is made, and after the last one to the first.
 * @param {View} view
 * @param {Plane} plane
 */
export function advance(view, plane) {
  if (!view.volume) return;
  const { size } = view.volume.axes[plane.through];
  const point = view.point.slice();
  do point[plane.through] = (point[plane.through] + 1) % size;
  while (!view.volume.isMade(point) && point[plane.through] !== view.point[plane.through]);
  view.moveTo(point);
}
