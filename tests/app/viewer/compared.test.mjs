import assert from "node:assert/strict";
import test from "node:test";

import { Compared } from "../../../app/viewer/compared.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { mmWords } from "../../../app/viewer/draw/words.js";
import { press, shortcuts } from "../../../app/viewer/room/keyboard.js";
import { pairReadout } from "../../../app/viewer/room/readout.js";
import { affineOf, numbered, orientations, viewOf } from "./fake.mjs";

const SIZE = [300, 200]; // of the canvases

/** All made; of each voxel another HU. `spacing`: mm between slices, rows and columns; `origin`: LPS mm of the first voxel. */
function volumeOf(axes, shape, spacing, origin) {
  const steps = affineOf(axes).map((row) => row.slice(0, 3).map(Math.sign));
  const affine = steps.map((row, i) => [...row.map((sign, axis) => sign * spacing[axis]), origin[i]]);
  const volume = new Volume({ shape, spacing, axes, affine });
  volume.add({ first: 0, slices: shape[0] }, Int16Array.from({ length: volume.hu.length }, (_, i) => i % 1000));
  return volume;
}

function comparedOf(a, b) {
  const compared = new Compared(viewOf(a, ...SIZE));
  for (const plane of compared.b.planes) plane.resize(...SIZE);
  compared.b.setVolume(b);
  return compared;
}

// A has slices every 3 mm, from 0 to 57 mm towards the feet; B every 1 mm, from 10 to 99 mm, and other pixels.
const coarse = () => volumeOf(["I", "P", "L"], [20, 10, 12], [3, 1.5, 0.7], [0, 0, 0]);
const fine = () => volumeOf(["S", "A", "R"], [90, 30, 40], [1, 0.5, 0.25], [9, 14, -99]);
const near = (a, b, mm) => a.every((value, i) => Math.abs(value - b[i]) <= mm[i]);

test("both are looked at in the same place of the patient, whatever their spacing and orientation", () => {
  const { a, b } = comparedOf(coarse(), fine());
  a.moveTo([4, 5, 8]);
  assert.ok(near(a.volume.toMm(a.point), b.volume.toMm(b.point), [0.13, 0.26, 0.51]), "as near as B's voxels are");
  b.moveTo([10, 6, 30]);
  assert.ok(near(a.volume.toMm(a.point), b.volume.toMm(b.point), [0.36, 0.76, 1.51]), "as near as A's voxels are");
  assert.deepEqual(b.point, [10, 6, 30], "who leads stays where the person went");
});

test("a volume that ends earlier stays at its end while the other one goes on", () => {
  const { a, b } = comparedOf(coarse(), fine());
  a.moveTo([4, 5, 0]);
  const last = b.volume.toMm(b.point);
  assert.deepEqual([a.volume.toMm(a.point)[2], last[2]], [0, -10], "B has no slices there");
  b.moveTo([0, 0, 89]);
  assert.equal(a.point[2], 19, "A's last slice");
  b.scroll(b.planes[0], -1);
  assert.deepEqual([b.point[2], a.point[2]], [88, 19], "B goes on, and A does not pull it back");
});

test("each place of the patient is at the same place of both canvases, zoomed and moved too, in all orientations", () => {
  for (const axes of orientations()) {
    const { a, b } = comparedOf(numbered(["I", "P", "L"]), numbered(axes));
    a.zoom(a.planes[1], 3, 40, 50);
    b.zoom(b.planes[0], 2, 250, 20);
    b.planes[2].pan[0] += 33;
    b.changed();
    a.planes.forEach((plane, i) => {
      const point = [1, 2, 3];
      const mm = a.volume.toMm(point);
      const [x, y] = plane.placeOf(a.volume, point);
      const [otherX, otherY] = b.planes[i].placeOf(b.volume, b.volume.fromMm(mm));
      assert.ok(Math.hypot(x - otherX, y - otherY) < 1e-6, `${axes} ${plane.name}`);
    });
    assert.deepEqual([a.planes[0].zoom, a.planes[1].zoom, a.planes[2].pan[0]], [2, 3, 33]);
  }
});

test("a zoom in B leaves what lies under the pointer there", () => {
  const { b } = comparedOf(coarse(), fine());
  const before = b.planes[0].placeIn(b.volume, b.point, 70, 60);
  b.zoom(b.planes[0], 2.5, 70, 60);
  const after = b.planes[0].placeIn(b.volume, b.point, 70, 60);
  assert.ok(near(before, after, [1e-9, 1e-9, 1e-9]));
});

test("window, tool, slab and layout are those of both", () => {
  const { a, b } = comparedOf(coarse(), fine());
  b.display.setPreset(1);
  b.setSlab(b.planes[0], { kind: "mip", mm: 9 });
  b.settings.maximise(b.planes[2]);
  a.settings.setTool(a.tool);
  assert.equal(a.display.window.width, 2500);
  assert.deepEqual(a.planes[0].slab, { kind: "mip", mm: 9 });
  assert.deepEqual([a.settings.maximised, b.settings.maximised], [a.planes[2], a.planes[2]]);
  b.settings.maximise(b.planes[2]);
  assert.equal(a.settings.maximised, null);
});

test("volumes that do not overlap are not linked, and each is shown for itself", () => {
  const far = volumeOf(["I", "P", "L"], [20, 10, 12], [3, 1.5, 0.7], [0, 0, -500]);
  const compared = comparedOf(coarse(), far);
  const { a, b } = compared;
  assert.equal(compared.isLinked, false);
  const { point } = b;
  a.moveTo([1, 2, 3]);
  assert.deepEqual(b.point, point);
  const { left, width } = b.planes[0].rectangle(b.volume);
  assert.ok(left >= 0 && left + width <= SIZE[0], "it can be seen");
});

// Its middle lies 500 mm from that of A, and its slices, rows and columns are other ones: 1.2, 0.5 and 0.4 mm.
const distant = () => volumeOf(["S", "A", "R"], [70, 30, 40], [1.2, 0.5, 0.4], [307, -393, -571]);
const middleMm = ({ affine, shape }) => affine.map((row) => row[3] + row.slice(0, 3).reduce((sum, step, i) => sum + (step * (shape[i] - 1)) / 2, 0));

test("aligned, both are looked at where they lie from their own middles, with other spacings and orientations", () => {
  const compared = comparedOf(coarse(), distant());
  const { a, b } = compared;
  assert.deepEqual([compared.isLinked, compared.link.canAlign], [false, true]);
  compared.setAligned(true);
  const off = (view) => view.volume.toMm(view.point).map((mm, i) => mm - middleMm(view.volume)[i]);
  assert.ok(compared.isLinked);
  assert.ok(near(off(a), off(b), [0.21, 0.26, 0.61]), "at once, as near as B's voxels are");
  a.moveTo([4, 7, 15]);
  assert.ok(near(off(a), off(b), [0.21, 0.26, 0.61]));
  b.moveTo([20, 20, 50]);
  assert.ok(near(off(a), off(b), [0.36, 0.76, 1.51]), "as near as A's voxels are");
  assert.deepEqual(compared.link.movedMm.map((mm, i) => Math.abs(mm - middleMm(a.volume)[i] + middleMm(b.volume)[i]) < 1e-9), [true, true, true]);
  const words = pairReadout(compared, null);
  b.activate(b.planes[0]);
  assert.match(pairReadout(compared, null), new RegExp(`^B ${b.volume.at(b.point)} HU  A ${a.volume.at(a.point)} HU`));
  assert.ok(pairReadout(compared, null).endsWith(mmWords(b.volume, b.point)), "B keeps its own mm");
  assert.ok(words.endsWith(mmWords(a.volume, a.point)));
});

test("aligned, the middles lie at the same place of both canvases, zoomed and moved too", () => {
  const compared = comparedOf(coarse(), distant());
  const { a, b } = compared;
  compared.setAligned(true);
  a.zoom(a.planes[1], 3, 40, 50);
  b.zoom(b.planes[0], 2, 250, 20);
  a.planes.forEach((plane, i) => {
    const [x, y] = plane.placeOf(a.volume, a.volume.fromMm(middleMm(a.volume)));
    const [otherX, otherY] = b.planes[i].placeOf(b.volume, b.volume.fromMm(middleMm(b.volume)));
    assert.ok(Math.hypot(x - otherX, y - otherY) < 1e-6, plane.name);
  });
});

test("aligned, there is a difference, of what lies at the same place from the middles; and back, there is none", () => {
  const [one, other] = [0, 300].map((mm) => volumeOf(["I", "P", "L"], [20, 10, 12], [3, 1.5, 0.7], [mm, mm, mm]));
  other.hu.forEach((hu, i) => (other.hu[i] = hu + 7));
  const compared = comparedOf(one, other);
  const { a } = compared;
  compared.setMode("difference");
  assert.match(a.difference.note, /do not overlap/);
  compared.setAligned(true);
  assert.equal(a.difference.b.at([3, 4, 5]) - a.difference.a.at([3, 4, 5]), 7);
  assert.equal(a.difference.note, "B is moved for display.");
  compared.setAligned(false);
  assert.equal(a.difference.b.at([3, 4, 5]), null);
  assert.match(a.difference.note, /do not overlap/);
});

test("centres can be aligned where both go beyond each other, and not where one lies in the other one", () => {
  const moved = (mm, slices = 20) => volumeOf(["I", "P", "L"], [slices, 10, 12], [3, 1.5, 0.7], [0, 0, mm]);
  const canAlign = (a, b) => comparedOf(a, b).link.canAlign;
  assert.deepEqual([canAlign(moved(0), moved(9)), canAlign(moved(0), moved(0)), canAlign(moved(0), moved(-6, 8))], [true, false, false]);
  const compared = comparedOf(moved(0), moved(-6, 8));
  compared.setAligned(true);
  assert.deepEqual(compared.link.movedMm, [0, 0, 0], "nothing is moved");
  compared.b.setVolume(moved(30));
  assert.deepEqual(compared.link.movedMm, [0, 0, -30], "the next B is");
});

test("where the person scrolls in B, A no longer follows its newest slice", () => {
  const { a, b } = comparedOf(coarse(), fine());
  a.setFollowing(true);
  b.moveTo([0, 0, 20]);
  assert.equal(a.following, false);
});

test("keys are for the volume under the pointer, and marks stay in it", () => {
  const { a, b } = comparedOf(coarse(), fine());
  const all = shortcuts(a, {});
  const key = (name) => press(all, { key: name }, a.settings.activeView);
  b.activate(b.planes[0]);
  key("h");
  key("Enter");
  assert.deepEqual([a.volume.marks.list.length, b.volume.marks.list.length], [0, 1]);
  const { point } = b;
  key("ArrowDown");
  assert.equal(b.point[2], point[2] + 1, "one of its own slices");
  key("s");
  assert.deepEqual([a.planes[0].slab.kind, b.planes[0].slab.kind], ["mip", "mip"]);
  a.activate(a.planes[0]);
  key("Enter");
  assert.deepEqual([a.volume.marks.list.length, b.volume.marks.list.length], [1, 1]);
});

test("the pointer reads the volume that is seen under it: beyond the line, and while one blinks, that is B", () => {
  const compared = comparedOf(coarse(), fine());
  const { a, b } = compared;
  const own = { view: a, plane: a.planes[0] };
  const seen = (x) => compared.seenAt(own, x).view;
  assert.equal(seen(299), a, "A alone");
  compared.setMode("swipe");
  compared.setShare(0.25);
  assert.deepEqual([seen(74), seen(76)], [a, b]);
  compared.setBlinking(true);
  assert.equal(seen(10), b);
  compared.setBlinking(false);
  compared.setMode("side");
  assert.equal(seen(299), a);
  assert.equal(compared.seenAt({ view: b, plane: b.planes[0] }, 10).view, b);
});

test("the readout says which volume it reads, and what the other one has at the same place", () => {
  const compared = comparedOf(coarse(), fine());
  const { a, b } = compared;
  a.moveTo([4, 5, 8]);
  const words = pairReadout(compared, null);
  assert.match(words, new RegExp(`^A ${a.volume.at(a.point)} HU  B ${b.volume.at(b.point)} HU   column`));
  b.activate(b.planes[0]);
  assert.match(pairReadout(compared, null), /^B .* HU  A .* HU   column/);
  b.setVolume(null);
  assert.doesNotMatch(pairReadout(comparedOf(coarse(), null), null), /^A /, "one volume needs no letter");
});

test("where there is one volume, nothing is side by side, and nothing blinks", () => {
  const compared = comparedOf(coarse(), null);
  compared.setMode("side");
  compared.setBlinking(true);
  assert.deepEqual([compared.shown, compared.isBlinking], ["alone", false]);
  compared.b.setVolume(fine());
  assert.equal(compared.shown, "side");
  compared.setBlinking(true);
  compared.b.setVolume(null);
  assert.equal(compared.isBlinking, false);
});
