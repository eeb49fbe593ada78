// @ts-check
// Fingers on one plane: what a gesture does to the view. Two of them zoom and pan with every tool, and one that stays
// where it is places the crosshair.

import { crosshair } from "../tools/crosshair.js";
import { gripAt, gripping } from "../tools/marking.js";
import { Touch } from "./touch.js";

/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../tools/tool.js").Tool} Tool */
/** @typedef {import("./pointer.js").Seen} Seen */

const SLICE_PX = [2, 12]; // least and most of a swipe for one slice
const REACH_PX = 20; // so near to a mark a finger grips it

/** @param {(x: number) => Seen} seenAt  what is seen at a place of the canvas */
export function fingersOn(seenAt) {
  let { view, plane } = seenAt(0); // what the gesture is for
  let swiped = 0; // pixels that are not a slice yet
  /** @type {Pick<Tool, "start" | "drag" | "end"> | null} what the finger moves; null: it scrolls */
  let moving = null;
  let [lastX, lastY] = [0, 0];

  const dragTo = (/** @type {number} */ x, /** @type {number} */ y, dx = 0, dy = 0) => {
    [lastX, lastY] = [x, y];
    return view.volume && { view, plane, volume: view.volume, x, y, dx, dy };
  };
  const startAt = (/** @type {number} */ x, /** @type {number} */ y) => {
    ({ view, plane } = seenAt(x));
    return dragTo(x, y);
  };
  const toolAt = (/** @type {import("../tools/tool.js").Drag} */ drag) => {
    const grip = gripAt(drag, REACH_PX);
    return grip ? gripping(grip, drag) : view.tool;
  };

  return new Touch({
    tap(x, y) {
      const drag = startAt(x, y);
      if (!drag) return;
      const tool = toolAt(drag);
      tool.start?.(drag);
      tool.end?.(drag);
    },

    hold(x, y) {
      const drag = startAt(x, y);
      if (drag) crosshair.drag(drag);
    },

    begin(x, y) {
      const drag = startAt(x, y);
      if (!drag) return;
      const tool = toolAt(drag);
      moving = tool === view.tool && view.tool.swipeScrolls ? null : tool;
      moving?.start?.(drag);
    },

    drag(x, y, dx, dy) {
      const drag = dragTo(x, y, dx, dy);
      if (!drag) return;
      if (moving) return moving.drag(drag);
      const slicePx = pixelsPerSlice(plane, drag.volume.axes[plane.through].size);
      swiped += dy;
      const slices = Math.trunc(swiped / slicePx);
      swiped -= slices * slicePx;
      if (slices) view.scroll(plane, -slices);
    },

    end() {
      const drag = dragTo(lastX, lastY);
      if (drag) moving?.end?.(drag);
      moving = null;
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
