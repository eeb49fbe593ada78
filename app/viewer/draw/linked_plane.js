// @ts-check
// A plane of one volume that shows each place of the patient where the plane of another volume shows it.

import { Plane } from "./plane.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */

export class LinkedPlane extends Plane {
  /**
   * @param {Plane} leader
   * @param {View} view  that the leader belongs to
   */
  constructor(leader, view) {
    super(leader);
    this.leader = leader;
    this.view = view;
    this.isLinked = true; // else it shows its volume as if there were no other one
  }

  /**
   * As large and in the same place as the leader would show it.
   * @param {Volume} volume
   */
  rectangle(volume) {
    const led = this.view.volume;
    if (!led || !this.isLinked) return super.rectangle(volume);
    const { scale } = this.leader.rectangle(led);
    const [width, height] = [this.across, this.down].map((axis) => volume.axes[axis].size * volume.axes[axis].spacing * scale);
    const centre = volume.axes.map(({ size }) => (size - 1) / 2);
    const [x, y] = this.leader.placeOf(led, led.fromMm(volume.toMm(centre)));
    const left = x - width / 2 + (this.width - this.leader.width) / 2;
    const top = y - height / 2 + (this.height - this.leader.height) / 2;
    return { scale, width, height, left, top };
  }

  /**
   * @param {Volume} volume
   * @param {number} x
   * @param {number} y
   * @param {number} factor
   */
  zoomAt(volume, x, y, factor) {
    const led = this.view.volume;
    if (!led || !this.isLinked) return super.zoomAt(volume, x, y, factor);
    this.leader.zoomAt(led, x, y, factor);
    this.frameAs(this.leader);
  }
}
