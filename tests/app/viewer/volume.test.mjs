import assert from "node:assert/strict";
import test from "node:test";

import { unshuffle } from "../../../app/viewer/data/transport.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { grid, numbered, orientations, points } from "./fake.mjs";

const PATIENT_AXIS = { L: 0, R: 0, P: 1, A: 1, I: 2, S: 2 };

/** Slice, row and column of a point, by the letters alone. */
function fileIndex(volume, axes, point) {
  return axes.map((letter, i) => {
    const position = point[PATIENT_AXIS[letter]];
    return "LPI".includes(letter) ? position : volume.shape[i] - 1 - position;
  });
}

test("every voxel lies where its indices point to, in all orientations and with unequal spacing", () => {
  const all = orientations();
  assert.equal(new Set(all.map(String)).size, 48);
  for (const axes of all) {
    const volume = numbered(axes);
    for (const point of points(volume)) {
      const [slice, row, column] = fileIndex(volume, axes, point);
      assert.equal(volume.at(point), (slice * 5 + row) * 6 + column, `${axes} ${point}`);
      assert.deepEqual(volume.fileIndex(point), [slice + 1, row + 1, column + 1]);
    }
    axes.forEach((letter, i) => {
      const { size, spacing } = volume.axes[PATIENT_AXIS[letter]];
      assert.deepEqual([size, spacing], [volume.shape[i], [3, 1.5, 0.7][i]]);
    });
    assert.equal(volume.sliceAxis, PATIENT_AXIS[axes[0]]);
  }
});

test("what is not made, or lies outside, has no HU", () => {
  const volume = new Volume(grid(["S", "P", "L"]));
  volume.add({ first: 0, slices: 1 }, new Int16Array(30).fill(7));
  assert.equal(volume.at([0, 0, 3]), 7, "the first slice is the lowest");
  assert.equal(volume.at([0, 0, 2]), null);
  assert.equal(volume.at([6, 0, 3]), null);
  assert.equal(volume.at([-1, 0, 3]), null);
  assert.deepEqual(volume.clamp([-1, 9, 3]), [0, 4, 3]);
});

test("chunks may overtake each other: the newest slice is the last that is there", () => {
  const volume = new Volume(grid());
  assert.equal(volume.newestSlice, -1);
  volume.add({ first: 2, slices: 1 }, new Int16Array(30));
  volume.add({ first: 0, slices: 1 }, new Int16Array(30));
  assert.equal(volume.newestSlice, 2);
  assert.deepEqual([...volume.made], [1, 0, 1, 0]);
});

test("a volume that ends early keeps every voxel at its place in the file", () => {
  for (const axes of orientations()) {
    const before = numbered(axes);
    const after = before.shortened(grid(axes, [3, 5, 6]));
    for (const point of points(after)) {
      const [slice, row, column] = after.fileIndex(point);
      assert.equal(after.at(point), ((slice - 1) * 5 + row - 1) * 6 + column - 1);
    }
  }
});

test("bytes that come low ones first are put together, signs too", () => {
  const hu = [0, 1, -1, -1000, 32767, -32768];
  const low = hu.map((value) => value & 255);
  const high = hu.map((value) => (value >> 8) & 255);
  assert.deepEqual([...unshuffle(Uint8Array.from([...low, ...high]))], hu);
});

test("a draft is seen, has no HU, never takes the place of a slice, and goes", () => {
  for (const axes of [["I", "P", "L"], ["S", "A", "R"]]) {
    const volume = new Volume(grid(axes));
    const [slices, rows, columns] = volume.shape;
    const point = (slice) => [1, 1, volume.positionOf(slice)];
    const filled = (hu, count) => new Int16Array(count * rows * columns).fill(hu);
    volume.add({ first: 1, slices: 1 }, filled(7, 1));
    volume.addDraft({ first: 0, slices: 3 }, filled(40, 3));
    const states = () => Array.from({ length: slices }, (_, n) => {
      const at = point(n);
      return [volume.isShown(at[2]), volume.isDraft(at), volume.isMade(at), volume.at(at)];
    });
    const [nothing, draft] = [[false, false, false, null], [true, true, false, null]];
    assert.deepEqual(states(), [draft, [true, false, true, 7], draft, nothing]);
    assert.equal(volume.newestSlice, 2);
    volume.add({ first: 0, slices: 1 }, filled(8, 1));
    volume.dropDraft();
    assert.deepEqual(states(), [[true, false, true, 8], [true, false, true, 7], nothing, nothing]);
    assert.equal(volume.hasDraft, false);
    assert.equal(volume.newestSlice, 1);
  }
});

test("three slices that come first are where they belong, and nothing else has HU until the rest comes", () => {
  for (const axes of orientations()) {
    const whole = numbered(axes);
    const [slices, rows, columns] = whole.shape;
    const index = [2, 1, 4];
    const kept = (i) => [Math.floor(i / (rows * columns)), Math.floor(i / columns) % rows, i % columns];
    const along = (axis) => whole.hu.filter((_, i) => kept(i)[axis] === index[axis]);
    const volume = new Volume(grid(axes));
    volume.addThrough(index, Int16Array.from([0, 1, 2].flatMap((axis) => [...along(axis)])));
    assert.deepEqual(volume.fileIndex(volume.onlyAt), [3, 2, 5]);
    for (const point of points(volume)) {
      const isThere = point.some((position, axis) => position === volume.onlyAt[axis]);
      assert.equal(volume.at(point), isThere ? whole.at(point) : null);
    }
    volume.add({ first: 0, slices }, whole.hu);
    assert.ok(points(volume).every((point) => volume.at(point) === whole.at(point)));
    assert.equal(volume.onlyAt, null);
  }
});
