// @ts-check
// The example: a finished volume of the model that runs here, for the planes to show until a run has slices. The three
// slices that are seen first come first; the others come when somebody turns to them.

import { Volume } from "./volume.js";

/** @typedef {import("./transport.js").Transport} Transport */

/**
 * What the server says of it (app/example.py, `shown`).
 * @typedef {object} ExampleProps
 * @property {string} path
 * @property {string} first_path
 * @property {number[]} first_index  the slice, row and column that come first
 * @property {import("./volume.js").Grid} grid
 * @property {string} report  findings
 * @property {number} seed
 */

export class Example {
  /** @param {ExampleProps} props */
  constructor({ path, first_path: firstPath, first_index: firstIndex, grid, report, seed }) {
    this.path = path;
    this.firstPath = firstPath;
    this.firstIndex = firstIndex;
    this.grid = grid;
    /** @type {Promise<Volume | null> | null} */
    this.loading = null;
    /** @type {Promise<boolean> | null} */
    this.completing = null;
    /** @type {import("./facts.js").Known} */
    this.known = { seed, digest: "", report: `Findings: ${report}`, caption: "Example" };
    this.detail = `The example shows the findings “${report}”, seed ${seed}.`;
  }

  /**
   * The volume with its first slices, or null where they do not arrive: the page works without it. Fetched once.
   * @param {Transport} transport
   */
  load(transport) {
    return (this.loading ??= this.fetchFirst(transport));
  }

  /**
   * Brings what is missing of the volume; whether it has arrived. It is fetched once, or again where it did not arrive.
   * @param {Transport} transport
   */
  complete(transport) {
    return (this.completing ??= this.fetchAll(transport));
  }

  /** @param {Transport} transport */
  async fetchFirst(transport) {
    const volume = new Volume(this.grid);
    try {
      volume.addThrough(this.firstIndex, await transport.fetchVoxels(this.firstPath));
    } catch (error) {
      return null;
    }
    return volume;
  }

  /** @param {Transport} transport */
  async fetchAll(transport) {
    const volume = await this.load(transport);
    try {
      volume?.add({ first: 0, slices: this.grid.shape[0] }, await transport.fetchVoxels(this.path));
      return true;
    } catch (error) {
      this.completing = null;
      return false;
    }
  }
}
