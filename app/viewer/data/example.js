// @ts-check
// The example: a finished volume of the model that runs here, for the planes to show until a run has slices.

import { Volume } from "./volume.js";

/** @typedef {import("./transport.js").Transport} Transport */

/**
 * What the server says of it (app/example.py, `shown`).
 * @typedef {object} ExampleProps
 * @property {string} path
 * @property {import("./volume.js").Grid} grid
 * @property {string} report  findings
 * @property {number} seed
 */

export class Example {
  /** @param {ExampleProps} props */
  constructor({ path, grid, report, seed }) {
    this.path = path;
    this.grid = grid;
    /** @type {Promise<Volume | null> | null} */
    this.loading = null;
    /** @type {import("./facts.js").Known} */
    this.known = { seed, digest: "", report: `Findings: ${report}`, caption: "Example" };
    this.detail = `The example shows the findings “${report}”, seed ${seed}.`;
  }

  /**
   * The volume, or null where it does not arrive: the page works without it. It is fetched once.
   * @param {Transport} transport
   */
  load(transport) {
    return (this.loading ??= this.fetch(transport));
  }

  /** @param {Transport} transport */
  async fetch(transport) {
    const volume = new Volume(this.grid);
    try {
      volume.add({ first: 0, slices: this.grid.shape[0] }, await transport.fetchVoxels(this.path));
    } catch (error) {
      return null;
    }
    return volume;
  }
}
