// @ts-check
// Fingers on one plane: what a gesture does to the view. Two of them zoom and pan with every tool.

import { Touch } from "./touch.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */

const SLICE_PX = [2, 12]; // least and most of a swipe for one slice

/**
 * @param {Plane} plane
 * @param {View} view
 */
export function fingersOn(plane, view) {
  let swiped = 0; // pixels that are not a slice yet
  return new Touch({
    tap(x, y) {
      if (view.volume) view.tool.start?.({ view, plane, volume: view.volume, x, y, dx: 0, dy: 0 });
    },

    drag(x, y, dx, dy) {
      if (!view.volume) return;
      if (!view.tool.swipeScrolls) return view.tool.drag({ view, plane, volume: view.volume, x, y, dx, dy });
      const slicePx = pixelsPerSlice(plane, view.volume.axes[plane.through].size);
      swiped += dy;
      const slices = Math.trunc(swiped / slicePx);
      swiped -= slices * slicePx;
      if (slices) view.scroll(plane, -slices);
    },

    pinch(x, y, dx, dy, factor) {
      plane.pan[0] += dx;
      plane.pan[1] += dy;
      view.zoom(plane, factor, x, y);
    },
  });
}

/**
 * A swipe over the whole height goes through all slices, where that is neither too fast nor too slow.
 * @param {Plane} plane
 * @param {number} slices
 */
function pixelsPerSlice({ height }, slices) {
  return Math.min(Math.max(height / slices, SLICE_PX[0]), SLICE_PX[1]);
}
