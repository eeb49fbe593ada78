import assert from "node:assert/strict";
import test from "node:test";

import { apply, chain, inverse } from "../../../app/viewer/data/affine.js";
import { Resampled } from "../../../app/viewer/data/resampled.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { affineOf, grid, numbered, orientations, points } from "./fake.mjs";

const OBLIQUE = [[0.2, 0.1, 0.7, -20], [0.1, 1.4, -0.1, 30], [3, -0.2, 0.1, 100]];

/** A volume whose HU are 10 x + 3 y - 2 z + 5 in mm, which linear interpolation gives back exactly. */
function slope(axes, shape, spacing, origin) {
  const steps = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], S: [0, 0, 1], I: [0, 0, -1] };
  const affine = [0, 1, 2].map((i) => [...axes.map((letter, axis) => steps[letter][i] * spacing[axis]), origin[i]]);
  const volume = new Volume({ shape, spacing, axes, affine });
  const hu = new Int16Array(volume.hu.length);
  for (const point of points(volume)) {
    const [slice, row, column] = volume.index(point);
    hu[(slice * shape[1] + row) * shape[2] + column] = slopeAt(volume.toMm(point));
  }
  volume.add({ first: 0, slices: shape[0] }, hu);
  return volume;
}

const slopeAt = ([x, y, z]) => Math.round(10 * x + 3 * y - 2 * z + 5);

test("the inverse of an affine leads back, and a chain does one after the other", () => {
  for (const affine of [affineOf(["I", "P", "L"]), affineOf(["R", "S", "A"]), OBLIQUE]) {
    const back = apply(inverse(affine), apply(affine, [2, 3, 4]));
    back.forEach((value, i) => assert.ok(Math.abs(value - [2, 3, 4][i]) < 1e-9));
    const both = apply(chain(OBLIQUE, affine), [2, 3, 4]);
    apply(OBLIQUE, apply(affine, [2, 3, 4])).forEach((value, i) => assert.ok(Math.abs(value - both[i]) < 1e-9));
  }
});

test("on its own grid a volume has the HU of the file, whatever the order of its indices is", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    const seen = new Resampled(volume, volume);
    assert.ok(seen.isExact);
    for (const point of points(volume)) assert.equal(seen.at(point), volume.at(point), axes.join(""));
  }
});

test("of voxels in another order of indices, each is found again by its mm, and nothing is resampled", () => {
  const onto = slope(["I", "P", "L"], [4, 5, 6], [3, 1.5, 0.7], [-20, 30, 100]);
  const other = slope(["R", "S", "A"], [6, 4, 5], [0.7, 3, 1.5], [-16.5, 36, 91]);
  const seen = new Resampled(other, onto);
  assert.ok(seen.isExact);
  for (const point of points(onto)) assert.equal(seen.at(point), slopeAt(onto.toMm(point)));
});

test("between voxels HU are linear: a slope stays a slope, with other spacings, flips and an order of its own", () => {
  const onto = slope(["I", "P", "L"], [4, 5, 6], [3, 1.5, 0.7], [-3, 4, 6]);
  for (const axes of [["I", "P", "L"], ["S", "A", "R"], ["L", "I", "P"], ["A", "R", "S"]]) {
    const spacing = [2, 2.5, 1.6];
    const far = axes.map((letter, i) => ("LPS".includes(letter) ? -1 : 1) * 8 * spacing[i]);
    const origin = ["LR", "PA", "IS"].map((pair) => far[axes.findIndex((letter) => pair.includes(letter))]);
    const seen = new Resampled(slope(axes, [16, 16, 16], spacing, origin), onto);
    assert.ok(!seen.isExact);
    for (const point of points(onto)) {
      const error = Math.abs(seen.at(point) - slopeAt(onto.toMm(point)));
      assert.ok(error <= 1, `${axes}: ${point} is off by ${error} HU`); // both are rounded
    }
  }
});

test("a row is what its points are, along every patient axis and over the volume's end", () => {
  const onto = numbered(["S", "A", "L"]);
  for (const volume of [numbered(["S", "A", "L"], [3, 5, 6]), numbered(["I", "P", "R"], [4, 5, 6], affineOf(["I", "P", "R"]))]) {
    const seen = new Resampled(volume, onto);
    for (const axis of [0, 1, 2]) {
      const row = new Int16Array(onto.axes[axis].size);
      const start = [1, 2, 1].map((position, i) => (i === axis ? 0 : position));
      seen.fill(row, start, axis);
      row.forEach((hu, h) => {
        const at = seen.at(start.map((position, i) => (i === axis ? h : position)));
        assert.equal(hu === -32768 ? null : hu, at);
      });
    }
  }
});

test("outside of the volume, where it is not made, and where it is a draft, there are no HU", () => {
  const onto = numbered();
  const volume = new Volume(grid());
  volume.addDraft({ first: 0, slices: 2 }, new Int16Array(60));
  volume.add({ first: 0, slices: 1 }, new Int16Array(30).fill(9));
  const seen = new Resampled(volume, onto);
  assert.deepEqual([0, 1, 2, 3].map((slice) => seen.at([0, 0, slice])), [9, null, null, null]);
  assert.deepEqual([0, 1, 2, 3].map((slice) => seen.madeFor(slice)), [1, 0, 0, 0]);
});

test("between a slice that is made and one that is not there are no HU either", () => {
  const onto = numbered();
  const shifted = affineOf(["I", "P", "L"]).map((row, i) => (i === 2 ? [...row.slice(0, 3), row[3] + 1.5] : row));
  const volume = new Volume(grid(["I", "P", "L"], [4, 5, 6], shifted)); // half a slice towards the head
  volume.add({ first: 0, slices: 2 }, new Int16Array(60).fill(9));
  const seen = new Resampled(volume, onto);
  assert.deepEqual([0, 1, 2, 3].map((slice) => seen.at([0, 0, slice])), [9, null, null, null]);
  assert.deepEqual([0, 1, 2, 3].map((slice) => seen.madeFor(slice)), [2, 1, 0, 0]);
});

test("volumes in other places do not overlap", () => {
  const onto = numbered();
  const moved = (mm) => affineOf(["I", "P", "L"]).map((row, i) => (i === 0 ? [...row.slice(0, 3), row[3] + mm] : row));
  assert.ok(new Resampled(numbered(undefined, undefined, moved(3)), onto).overlaps);
  assert.ok(!new Resampled(numbered(undefined, undefined, moved(30)), onto).overlaps);
  assert.ok(!new Resampled(numbered(undefined, undefined, moved(-30)), onto).overlaps);
});
