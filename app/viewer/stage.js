// @ts-check
// What a session tells the page.

/** @typedef {import("./data/transport.js").Manifest} Manifest */
/** @typedef {import("./data/volume.js").Volume} Volume */

/**
 * @typedef {object} Stage
 * @property {(status: string) => void} say         one line, which a screen reader speaks
 * @property {(shown: Progress) => void} show       how far the run is
 * @property {(problem: string) => void} explain    what was wrong with what was asked; empty: nothing
 * @property {() => void} busyChanged              `Session.busy` has changed
 * @property {(run: string) => void} drive          a request of the page shall drive the run (ZeroGPU)
 * @property {() => void} comeIntoSight
 * @property {(volume: Volume) => string} picture  a small one of a volume that is done, as an address
 */

/** @typedef {Pick<Manifest, "stopping" | "status" | "detail" | "share" | "chunks"> & { state: string, is_scan?: boolean }} Progress */

export {};
