// What the tests of the viewer share: volumes whose every voxel is known, and a server without a network.

import { Memory } from "../../../app/viewer/data/memory.js";
import { Transport } from "../../../app/viewer/data/transport.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { View } from "../../../app/viewer/view.js";

export const PRESETS = [
  { name: "Lung", width: 1500, level: -600 },
  { name: "Bone", width: 2500, level: 480 },
];
const SHAPE = [4, 5, 6]; // slices, rows, columns
const SPACING = [3, 1.5, 0.7];

const DIRECTIONS = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], S: [0, 0, 1], I: [0, 0, -1] };
const ORIGIN_MM = [-20, 30, 100];

/** The affine of voxels that lie along the patient's axes. */
export function affineOf(axes) {
  return ORIGIN_MM.map((mm, i) => [...axes.map((letter, axis) => DIRECTIONS[letter][i] * SPACING[axis]), mm]);
}

/** A grid whose spacings differ, for a direction of each index. */
export function grid(axes = ["I", "P", "L"], shape = SHAPE, affine = affineOf(axes)) {
  return { shape, spacing: SPACING, axes, affine };
}

/** A volume of which all slices are made, and each voxel holds its own place in the file. */
export function numbered(axes, shape, affine) {
  const volume = new Volume(grid(axes, shape, affine));
  const hu = Int16Array.from({ length: volume.hu.length }, (_, i) => i);
  volume.add({ first: 0, slices: volume.shape[0] }, hu);
  return volume;
}

/** A volume of 20 slices with lungs in slices 5 to 11 (counted from 1), and a small bit of lung in slice 13. */
export function chestLike(towards) {
  const volume = new Volume(grid([towards, "P", "L"], [20, 16, 16]));
  const lung = (slice, row, column) => {
    if (row < 5 || row > 10) return false;
    return (slice >= 4 && slice <= 10) || (slice === 12 && column === 8);
  };
  const hu = Int16Array.from({ length: volume.hu.length }, (_, i) => {
    return lung(i >> 8, (i >> 4) & 15, i & 15) ? -850 : i & 1 ? -1000 : 40;
  });
  volume.add({ first: 0, slices: 20 }, hu);
  return volume;
}

/** All 48 ways in which three indices can run along a patient. */
export function orientations() {
  const pairs = ["LR", "PA", "IS"];
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  const directions = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => [bits & 1, (bits >> 1) & 1, (bits >> 2) & 1]);
  return orders.flatMap((order) => directions.map((ends) => order.map((pair, i) => pairs[pair][ends[i]])));
}

/** Every point of a volume. */
export function points({ axes: [x, y, z] }) {
  const range = ({ size }) => Array.from({ length: size }, (_, i) => i);
  return range(x).flatMap((i) => range(y).flatMap((j) => range(z).map((k) => [i, j, k])));
}

/** A view of a volume, with canvases of a size. */
export function viewOf(volume, width = 300, height = 200) {
  const view = new View(PRESETS);
  for (const plane of view.planes) plane.resize(width, height);
  view.setVolume(volume);
  return view;
}

/** A memory that no browser is needed for. */
export function memory(kept = {}) {
  const items = new Map(Object.entries(kept).map(([key, value]) => [key, JSON.stringify(value)]));
  return new Memory(() => ({
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  }));
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(turns = 20) {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
}

/** Waits until something holds. */
export async function until(holds) {
  for (let i = 0; i < 1000 && !holds(); i++) await settle(1);
  if (!holds()) throw new Error(`still not so: ${holds}`);
}

/**
 * A server that answers at once, and its network. At each news a run makes a slice, until `made` has reached what it is
 * allowed to; the voxels of slice `n` of run `r` are all 100 r.number + n.
 */
export class FakeServer extends Transport {
  /** @param t  the test, after whose end nobody gets an answer any more */
  constructor(t) {
    super("", "/gradio_api");
    t.after(() => (this.over = true));
    this.id = "first";
    this.runs = new Map();
    this.asked = [];
    this.lose = () => false; // whether the answer to this question is lost
    this.loseChunk = () => false;
    this.refusal = null;
    this.waiting = false; // whether new runs wait in line
    this.exampleLost = false;
  }

  /** Puts a run in line. `draft`: of how many slices there is a draft until they are made; its voxels are all -1. */
  begin(run, { axes = ["I", "P", "L"], slices = 4, allowed = slices, endsAt = slices, waiting = this.waiting, draft = 0 } = {}) {
    const number = this.runs.size + 1;
    this.runs.set(run, { number, axes, slices, allowed, endsAt, waiting, draft, made: 0, stopped: false });
  }

  names() {
    return this.asked.map(([name]) => name);
  }

  async ask(name, asked) {
    this.asked.push([name, asked]);
    await settle(1); // as a network, it lets others have their turn
    if (this.over) return new Promise(() => {});
    if (this.refusal) return { problem: this.refusal };
    const answer = this[name](asked);
    return this.lose(name, asked) ? null : answer;
  }

  start({ run }) {
    if (!this.runs.has(run)) this.begin(run);
    return { run };
  }

  stop({ run }) {
    if (this.runs.has(run)) this.runs.get(run).stopped = true;
    return {};
  }

  export({ kind }) {
    return { path: `files/${kind}`, name: kind };
  }

  news({ run }) {
    const known = this.runs.get(run);
    if (!known) return { run: null, state: "gone", status: "no longer here", chunks: [], share: 0, server: this.id };
    if (known.waiting) {
      return {
        run, version: -1, state: known.stopped ? "stopped" : "waiting", chunks: [], status: `${run} waits`, detail: "",
        share: 0, grid: null, server: this.id,
      };
    }
    if (!known.stopped && known.made < Math.min(known.allowed, known.endsAt)) known.made++;
    const finished = known.made === known.endsAt;
    const state = known.stopped ? "stopped" : finished ? "finished" : "running";
    const slices = finished ? known.endsAt : known.slices;
    const chunks = Array.from({ length: known.made }, (_, n) => ({ path: `${run}/${n}`, first: n, slices: 1 }));
    const status = `${run}: ${known.made}`;
    const hasDraft = state === "running" && known.made < known.draft;
    const draft = hasDraft ? { path: `${run}/draft`, first: 0, slices: known.draft } : null;
    return {
      run, version: known.made, state, chunks, draft, status, detail: "", share: known.made / slices,
      grid: grid(known.axes, [slices, SHAPE[1], SHAPE[2]]), server: this.id,
    };
  }

  async fetchChunk(path) {
    if (this.loseChunk(path)) throw new Error("lost");
    const [run, slice] = path.split("/");
    if (slice === "draft") return new Int16Array(this.runs.get(run).draft * SHAPE[1] * SHAPE[2]).fill(-1);
    return new Int16Array(SHAPE[1] * SHAPE[2]).fill(100 * this.runs.get(run).number + Number(slice));
  }

  /** Of the example: all of it, or a slice, a row of each slice, and a column of each slice. */
  async fetchVoxels(path) {
    this.asked.push(["voxels", path]);
    await settle(1);
    if (this.exampleLost) throw new Error("lost");
    const [slices, rows, columns] = SHAPE;
    const count = path.includes("first") ? rows * columns + slices * columns + slices * rows : slices * rows * columns;
    return new Int16Array(count).fill(7);
  }

  pause() {
    return settle(1);
  }
}

/** A page that notes what it is told. */
export function stage() {
  const told = { said: [], shown: [], explained: [], driven: [], busyChanges: 0 };
  return {
    ...told,
    say: (status) => told.said.push(status),
    show: (progress) => told.shown.push(progress),
    explain: (problem) => told.explained.push(problem),
    busyChanged: () => told.busyChanges++,
    drive: (run) => told.driven.push(run),
    comeIntoSight: () => {},
    picture: () => "data:,picture",
    told,
  };
}
