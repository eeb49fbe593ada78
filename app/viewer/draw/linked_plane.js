// @ts-check
// A plane of one volume that shows each place of the patient where the plane of another volume shows it.

import { Plane } from "./plane.js";

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../data/link.js").Link} Link */

export class LinkedPlane extends Plane {
  /** @param {Plane} leader  which shows the other volume */
  constructor(leader) {
    super(leader);
    this.leader = leader;
    /** @type {Link | null} where none holds, it shows its volume as if there were no other one */
    this.link = null;
  }

  /**
   * As large and in the same place as the leader would show it.
   * @param {Volume} volume
   */
  rectangle(volume) {
    const { link } = this;
    if (!link?.holds) return super.rectangle(volume);
    const { scale } = this.leader.rectangle(link.a);
    const [width, height] = [this.across, this.down].map((axis) => volume.axes[axis].size * volume.axes[axis].spacing * scale);
    const [x, y] = this.leader.placeOf(link.a, link.toA(volume.centre));
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
    const { link } = this;
    if (!link?.holds) return super.zoomAt(volume, x, y, factor);
    this.leader.zoomAt(link.a, x, y, factor);
    this.frameAs(this.leader);
  }
}
