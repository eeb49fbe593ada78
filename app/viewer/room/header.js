// @ts-check
// The model's name, and its notice, which stays in sight.

import { make } from "./elements.js";

/**
 * @typedef {object} Model
 * @property {string} title
 * @property {string} device   that it runs on
 * @property {string} notice   what everybody must know about its volumes
 * @property {number} slices_per_chunk
 * @property {number} max_chunks
 * @property {number} slice_spacing_mm
 */

/** @param {Model} model */
export function makeHeader({ title, device, notice }) {
  const where = make("span", "", { text: `· running on ${device.toUpperCase()}` });
  return make("header", "ct-header", {}, [
    make("h1", "", { text: "CTFlow" }),
    make("p", "ct-model", {}, [`${title} `, where]),
    make("p", "ct-notice", { text: notice, role: "note" }),
  ]);
}
