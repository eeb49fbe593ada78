import assert from "node:assert/strict";
import test from "node:test";

import { NOT_MADE, Volume } from "../../../app/viewer/data/volume.js";
import { greyTable } from "../../../app/viewer/draw/picture.js";
import { Plane, PLANES } from "../../../app/viewer/draw/plane.js";
import { project, shownAt, slabRange } from "../../../app/viewer/draw/slab.js";
import { title } from "../../../app/viewer/draw/words.js";
import { advance } from "../../../app/viewer/room/cine.js";
import { press, shortcuts } from "../../../app/viewer/room/keyboard.js";
import { grid, orientations, points, viewOf } from "./fake.mjs";

const KINDS = ["none", "mip", "minip", "mean"];
const ZERO_HU = 32768;

/** A volume of HU that follow no order, of which slice 2 (counted from 0) is not made. */
function scattered(axes) {
  const volume = new Volume(grid(axes));
  const hu = Int16Array.from({ length: volume.hu.length }, (_, i) => ((i * 7919) % 4001) - 1000);
  volume.add({ first: 0, slices: 4 }, hu);
  volume.made[2] = 0;
  return volume;
}

test("a slab is the greatest, least or mean HU of what is made in it, in all planes and orientations", () => {
  for (const axes of orientations()) {
    const volume = scattered(axes);
    for (const plane of PLANES) {
      const [across, down, through] = [plane.across, plane.down, plane.through].map((axis) => volume.axes[axis].size);
      for (const [first, last] of [[0, through - 1], [1, 2], [2, 2]]) {
        for (const kind of KINDS.slice(first === last ? 0 : 1)) {
          const hu = new Int16Array(across * down).fill(5);
          project(hu, volume, plane, [first, last], kind);
          for (const point of points(volume).filter((one) => one[plane.through] === first)) {
            const column = [];
            for (let position = first; position <= last; position++) {
              const at = point.map((value, axis) => (axis === plane.through ? position : value));
              if (volume.at(at) !== null) column.push(volume.at(at));
            }
            const mean = Math.round(column.reduce((sum, value) => sum + value, 0) / column.length);
            const expected = column.length ? { none: column[0], mip: Math.max(...column), minip: Math.min(...column), mean }[kind] : null;
            assert.equal(hu[point[plane.down] * across + point[plane.across]], expected ?? NOT_MADE, `${axes} ${plane.name} ${kind}`);
            assert.equal(shownAt(volume, plane, point, [first, last], kind), expected, "and that is what is read there");
          }
        }
      }
    }
  }
});

test("a slab is as thick as was asked in mm, to the nearest slice, around its slice, and ends with the volume", () => {
  const axis = { size: 40, spacing: 1.5 };
  const range = (position, mm, kind = "mip") => slabRange(axis, position, { kind, mm });
  assert.deepEqual(range(20, 15), [16, 25]);
  assert.deepEqual(range(20, 4.5), [19, 21]);
  assert.deepEqual(range(20, 1), [20, 20]);
  assert.deepEqual(range(0, 15), [0, 5]);
  assert.deepEqual(range(39, 15), [35, 39]);
  assert.deepEqual(range(20, 1000), [0, 39]);
  assert.deepEqual(range(20, 15, "none"), [20, 20]);
});

test("each plane has a slab of its own, which its title names", () => {
  const view = viewOf(scattered());
  const [axial, coronal] = view.planes;
  view.setSlab(coronal, { kind: "mip", mm: 20 });
  assert.equal(title(coronal, view), "Coronal  3 / 5  MIP 20 mm");
  assert.equal(title(axial, view), "Axial  1 / 4");
});

test("keys choose a slab and make it thinner and thicker, in the plane under the pointer", () => {
  const view = viewOf(scattered());
  const key = (name) => press(shortcuts(view, {}), { key: name, altKey: false, shiftKey: false }, view);
  view.activate(view.planes[1]);
  assert.ok(!key("]"), "one slice has no thickness");
  for (const kind of ["mip", "minip", "mean", "none", "mip"]) {
    key("s");
    assert.equal(view.planes[1].slab.kind, kind);
  }
  key("]");
  assert.equal(view.planes[1].slab.mm, 25);
  for (let i = 0; i < 9; i++) key("[");
  assert.equal(view.planes[1].slab.mm, 1);
  assert.equal(view.planes[0].slab.kind, "none");
});

test("inverted, low HU are white; what is not made is neither", () => {
  const window = { width: 400, level: 40 };
  const [plain, inverted] = [false, true].map((flag) => greyTable(window, flag));
  for (const hu of [-1000, 0, 40, 100, 3000]) {
    assert.equal((plain[hu + ZERO_HU] & 255) + (inverted[hu + ZERO_HU] & 255), 255);
    assert.equal(inverted[hu + ZERO_HU] >>> 24, 255, "opaque");
  }
  assert.equal(inverted[NOT_MADE + ZERO_HU] >>> 24, 0);
});

test("cine goes round through the slices that are made", () => {
  const volume = scattered();
  const view = viewOf(volume);
  const [axial] = view.planes;
  const shown = [];
  for (let i = 0; i < 5; i++) {
    advance(view, axial);
    shown.push(view.point[2]);
  }
  assert.deepEqual(shown, [1, 3, 0, 1, 3]);
  volume.made.fill(0);
  volume.made[3] = 1;
  advance(view, axial);
  advance(view, axial);
  assert.equal(view.point[2], 3, "one slice alone stays");
});

test("a plane knows its slab in any volume", () => {
  const plane = new Plane(PLANES[0]);
  plane.slab = { kind: "mip", mm: 9 };
  assert.deepEqual(plane.range(scattered(), 2), [1, 3]);
  assert.deepEqual(plane.range(new Volume(grid(["P", "L", "I"], [4, 5, 20])), 10), [4, 16]);
});

test("a slab of which most has not arrived shows nothing, rather than the one slice that has", () => {
  for (const { through, ...rest } of PLANES) {
    const plane = new Plane({ through, ...rest });
    const volume = new Volume(grid());
    const [slices, rows, columns] = volume.shape;
    volume.addThrough([2, 1, 4], new Int16Array(rows * columns + slices * (columns + rows)).fill(30));
    const place = volume.onlyAt[through];
    const hu = new Int16Array(volume.axes[plane.across].size * volume.axes[plane.down].size);
    const shown = (range, kind) => {
      project(hu, volume, plane, range, kind);
      return [hu.every((value) => value === 30), hu.every((value) => value === NOT_MADE), shownAt(volume, plane, volume.onlyAt, range, kind)];
    };
    assert.deepEqual(shown([place, place], "none"), [true, false, 30]);
    for (const kind of ["mip", "minip", "mean"]) assert.deepEqual(shown([place - 1, place], kind), [false, true, null]);
  }
});
