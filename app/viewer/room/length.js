// @ts-check
// How long the volume will be, below the slider that says it in chunks.

import { make } from "./elements.js";

/** @typedef {import("./header.js").Model} Model */

export class Length {
  /** @param {Model} model */
  constructor({ slices_per_chunk: slicesPerChunk, slice_spacing_mm: sliceSpacingMm }) {
    this.slicesPerChunk = slicesPerChunk;
    this.sliceSpacingMm = sliceSpacingMm;
    this.element = make("p", "ct-note");
  }

  /** @param {unknown} chunks */
  show(chunks) {
    const slices = Number(chunks) * this.slicesPerChunk;
    const heightMm = Math.round(slices * this.sliceSpacingMm);
    this.element.textContent = `${slices} slices, ${heightMm} mm from top to bottom`;
  }
}
