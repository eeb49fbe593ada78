import assert from "node:assert/strict";
import test from "node:test";

import { Marks } from "../../../app/viewer/data/marks.js";
import { angleDegrees, areaMm2, lengthMm, statistics, words } from "../../../app/viewer/data/measure.js";
import { asCsv, asText } from "../../../app/viewer/data/table.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { pieces } from "../../../app/viewer/draw/outline.js";
import { press, shortcuts } from "../../../app/viewer/room/keyboard.js";
import { TOOLS } from "../../../app/viewer/tools/index.js";
import { gripAt, gripping } from "../../../app/viewer/tools/marking.js";
import { affineOf, grid, numbered, orientations, viewOf } from "./fake.mjs";

const SPACING = [3, 1.5, 0.7]; // between slices, rows, columns
const AXIAL = 2;

function close(value, expected, words) {
  assert.ok(Math.abs(value - expected) < 1e-9, `${words}: ${value} is not ${expected}`);
}

/** A view whose axial plane shows the third position. */
function opened() {
  const view = viewOf(numbered());
  view.scrollTo(view.planes[0], 2);
  return view;
}

const mark = (kind, through, ...points) => ({ kind, through, points });
const tool = (name) => TOOLS.find((one) => one.name === name);

/** What a pointer does to a tool at the places of points, held down between them. */
function dragThrough(view, plane, name, points) {
  const drags = points.map((point) => {
    const [x, y] = plane.placeOf(view.volume, point);
    return { view, plane, volume: view.volume, x, y, dx: 0, dy: 0 };
  });
  tool(name).start(drags[0]);
  for (const drag of drags.slice(1)) tool(name).drag(drag);
  tool(name).end(drags.at(-1));
}

test("a step along each index of the file is as long as its own spacing, in all orientations", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    volume.axes.forEach(({ index }, axis) => {
      const end = [1, 1, 1].map((value, i) => value + (i === axis ? 2 : 0));
      close(lengthMm(volume, mark("length", (axis + 1) % 3, [1, 1, 1], end)), 2 * SPACING[index], axes);
    });
  }
});

test("millimetres come from the affine, where it is oblique and mirrored too", () => {
  const [cos, sin] = [Math.cos(0.4), Math.sin(0.4)];
  const turned = (vector) => [cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1], vector[2]];
  for (const axes of [["I", "P", "L"], ["S", "P", "R"]]) {
    const upright = affineOf(axes);
    const columns = [0, 1, 2, 3].map((i) => turned(upright.map((row) => row[i])));
    const affine = [0, 1, 2].map((i) => columns.map((column) => column[i]));
    const volume = numbered(axes, [4, 5, 6], affine);
    const from = volume.axes.map(({ size }) => size - 1);
    const sizes = [3, 4, 5].map((steps, i) => steps * SPACING[i]);
    close(lengthMm(volume, mark("length", AXIAL, [0, 0, 0], from)), Math.hypot(...sizes), "from corner to corner");
    close(Math.hypot(...volume.toMm([0, 0, 0]).map((mm, i) => mm - volume.toMm(from)[i])), Math.hypot(...sizes), "mm");
    const [x, y, z] = turned([3 * SPACING[2], -2 * SPACING[1], 0]);
    const step = volume.toMm([4, 1, 1]).map((mm, i) => mm - volume.toMm([1, 3, 1])[i]);
    [x, y, z].forEach((mm, i) => close(step[i], mm, `towards ${axes}`));
  }
});

test("a sheared affine, as of a tilted gantry, changes lengths, angles and areas", () => {
  const affine = affineOf(["I", "P", "L"]).map((row) => row.slice());
  affine[0][1] = 1.5; // a row further back is as far to the left
  const volume = numbered(["I", "P", "L"], [4, 5, 6], affine);
  close(lengthMm(volume, mark("length", AXIAL, [1, 0, 0], [1, 2, 0])), Math.hypot(3, 3), "along rows");
  close(angleDegrees(volume, mark("angle", AXIAL, [3, 0, 0], [1, 0, 0], [1, 2, 0])), 45, "angle");
  close(areaMm2(volume, mark("ellipse", AXIAL, [0, 0, 0], [2, 2, 0])), Math.PI * 0.7 * 1.5, "area");
});

test("an angle is one of millimetres and not of voxels", () => {
  const volume = numbered(["I", "P", "L"]);
  const right = mark("angle", AXIAL, [3, 1, 1], [1, 1, 1], [1, 3, 1]);
  close(angleDegrees(volume, right), 90, "along two axes");
  const across = mark("angle", AXIAL, [3, 1, 1], [1, 1, 1], [2, 2, 1]);
  close(angleDegrees(volume, across), (Math.atan2(1.5, 0.7) * 180) / Math.PI, "one voxel each");
  assert.equal(angleDegrees(volume, mark("angle", AXIAL, [3, 1, 1], [1, 1, 1], [1, 1, 1])), null);
});

/** A volume of 20 x 20 voxels in a slice, which holds row + column, and 5000 in the next one. */
function ramp(axes = ["I", "P", "L"]) {
  const volume = new Volume(grid(axes, [2, 20, 20]));
  volume.add({ first: 0, slices: 1 }, Int16Array.from({ length: 400 }, (_, i) => Math.floor(i / 20) + (i % 20)));
  return volume;
}

test("an ellipse measures the voxels whose centres lie in it, and its area is that of the ellipse", () => {
  const volume = ramp();
  const found = statistics(volume, mark("ellipse", AXIAL, [8, 4, 0], [12, 16, 0]));
  const expected = [];
  for (let row = 0; row < 20; row++) {
    for (let column = 0; column < 20; column++) {
      if (((column - 10) / 2) ** 2 + ((row - 10) / 6) ** 2 <= 1) expected.push(row + column);
    }
  }
  assert.equal(found.count, expected.length);
  close(found.mean, 20, "mean, by symmetry");
  close(found.sd, Math.sqrt(expected.reduce((sum, hu) => sum + (hu - 20) ** 2, 0) / expected.length), "sd");
  assert.deepEqual([found.least, found.most], [Math.min(...expected), Math.max(...expected)]);
  close(areaMm2(volume, mark("ellipse", AXIAL, [8, 4, 0], [12, 16, 0])), Math.PI * 2 * 0.7 * 6 * 1.5, "area");
});

test("in an ellipse of one voxel there is one voxel, in all orientations", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    for (const through of [0, 1, 2]) {
      const point = [1, 2, 3];
      const box = [-0.4, 0.4].map((by) => point.map((value, axis) => (axis === through ? value : value + by)));
      const { count, mean, sd } = statistics(volume, mark("ellipse", through, ...box));
      assert.deepEqual([count, mean, sd], [1, volume.at(point), 0]);
    }
  }
});

test("what is not made yet, and an ellipse without voxels, has no HU", () => {
  const volume = ramp();
  assert.equal(statistics(volume, mark("ellipse", AXIAL, [8, 4, 1], [12, 16, 1])), null);
  assert.deepEqual(words(volume, mark("ellipse", AXIAL, [8.2, 4.2, 0], [8.4, 4.4, 0]))[0], "no voxels");
  assert.deepEqual(words(volume, mark("hu", AXIAL, [8, 4, 1])), ["not made yet"]);
});

test("marks are told in the units that are used for them", () => {
  const volume = ramp();
  assert.deepEqual(words(volume, mark("length", AXIAL, [0, 0, 0], [10, 0, 0])), ["7.0 mm"]);
  assert.deepEqual(words(volume, mark("hu", AXIAL, [3.2, 3.9, 0])), ["7 HU"]);
  assert.deepEqual(words(volume, mark("angle", AXIAL, [3, 1, 0], [1, 1, 0], [1, 3, 0])), ["90.0°"]);
  assert.deepEqual(words(volume, mark("ellipse", AXIAL, [8, 4, 0], [12, 16, 0])).at(-1), "39.6 mm²");
  assert.deepEqual(words(volume, mark("ellipse", AXIAL, [0, 0, 0], [19, 19, 0])).at(-1), "2.98 cm²");
});

test("a drag makes a length, and clicks do too", () => {
  const view = opened();
  const [axial] = view.planes;
  const ends = [[1, 1, 2], [4, 3, 2]];
  dragThrough(view, axial, "length", ends);
  for (const end of ends) dragThrough(view, axial, "length", [end]);
  const { list, unfinished } = view.volume.marks;
  assert.equal(unfinished, null);
  assert.equal(list.length, 2);
  for (const { points } of list) points.flat().forEach((value, i) => close(value, ends.flat()[i], "ends"));
});

test("an angle is a drag and a click, or three clicks; other planes and a change of slice leave it alone", () => {
  const view = opened();
  const [axial, coronal] = view.planes;
  const [end, vertex, other] = [[1, 1, 2], [4, 1, 2], [4, 3, 2]];
  dragThrough(view, axial, "angle", [end, vertex]);
  tool("angle").hover({ view, plane: coronal, volume: view.volume, x: 1, y: 1, dx: 0, dy: 0 });
  view.scroll(axial, 1);
  dragThrough(view, axial, "angle", [other]);
  for (const point of [end, vertex, other]) dragThrough(view, axial, "angle", [point]);
  const [{ points }, second] = view.volume.marks.list;
  assert.equal(view.volume.marks.unfinished, null);
  for (const [i, point] of [end, vertex, other].entries()) point.forEach((value, axis) => close(points[i][axis], value));
  assert.equal(second.points[0][2], 3, "the second one lies in the slice that was gone to");
});

test("an unfinished mark goes with Escape, with another tool, with another volume", () => {
  for (const leave of [
    (view) => press(shortcuts(view, {}), { key: "Escape" }, view),
    (view) => view.settings.setTool(tool("pan")),
    (view) => view.setVolume(null),
  ]) {
    const view = opened();
    const { marks } = view.volume;
    dragThrough(view, view.planes[0], "length", [[1, 1, 2], [4, 3, 2]]);
    dragThrough(view, view.planes[0], "length", [[1, 1, 2]]);
    assert.equal(marks.list.length, 2);
    leave(view);
    assert.deepEqual([marks.list.length, marks.unfinished], [1, null]);
  }
});

test("what is gripped moves: a point alone, a line as a whole, and nothing leaves its slice", () => {
  const view = opened();
  const [axial, coronal] = view.planes;
  const { marks } = view.volume;
  dragThrough(view, axial, "length", [[1, 1, 2], [4, 1, 2]]);
  const at = (plane, point) => {
    const [x, y] = plane.placeOf(view.volume, point);
    return { view, plane, volume: view.volume, x, y, dx: 0, dy: 0 };
  };
  const pull = (from, to) => {
    const held = gripping(gripAt(at(axial, from), 8), at(axial, from));
    held.start(at(axial, from));
    held.drag(at(axial, to));
  };
  pull([4, 1, 2], [5, 3, 2]);
  const ends = () => marks.list[0].points.map((point) => point.map((value) => Math.round(10 * value) / 10 + 0));
  assert.deepEqual(ends(), [[1, 1, 2], [5, 3, 2]]);
  pull([3, 2, 2], [2, 3, 2]);
  assert.deepEqual(ends(), [[0, 2, 2], [4, 4, 2]]);
  assert.equal(gripAt(at(axial, [4, 0, 2]), 8), null, "nothing is there");
  assert.equal(gripAt(at(coronal, [0, 2, 2]), 8), null, "another plane only shows where they cross");
  view.scroll(axial, 1);
  assert.equal(gripAt(at(axial, [0, 2, 3]), 8), null, "another slice");
  view.scroll(axial, -1);
  view.display.toggle("marks");
  assert.equal(gripAt(at(axial, [0, 2, 2]), 8), null, "they are hidden");
});

test("a mark is drawn whole in its slice, where it crosses other planes, and nowhere else", () => {
  const view = opened();
  const [axial, coronal, sagittal] = view.planes;
  const { volume } = view;
  const length = mark("length", AXIAL, [1, 0, 2], [4, 3, 2]);
  assert.deepEqual(pieces(length, axial, volume, [0, 0, 2]), [length.points]);
  assert.deepEqual(pieces(length, axial, volume, [0, 0, 3]), []);
  assert.deepEqual(pieces(length, coronal, volume, [0, 1, 0]), [[[1.5, 0.5, 2], [2.5, 1.5, 2]]]);
  assert.deepEqual(pieces(length, coronal, volume, [0, 4, 0]), []);
  assert.deepEqual(pieces(length, sagittal, volume, [2, 0, 0]), [[[1.5, 0.5, 2], [2.5, 1.5, 2]]]);
  const along = mark("length", AXIAL, [1, 2, 2], [4, 2, 2]);
  assert.deepEqual(pieces(along, coronal, volume, [0, 2, 0]), [along.points], "it lies in both planes");
  view.setSlab(axial, { kind: "mip", mm: 9 });
  assert.deepEqual(pieces(length, axial, volume, [0, 0, 3]), [length.points], "the slab holds its slice");
});

test("the keyboard makes, finds, moves and deletes marks", () => {
  const view = opened();
  const all = shortcuts(view, {});
  const key = (name, modifiers = {}) => press(all, { key: name, altKey: false, shiftKey: false, ...modifiers }, view);
  const { marks } = view.volume;
  assert.ok(!key("Enter"), "the crosshair makes no marks");
  key("h");
  key("Enter");
  key("l");
  view.moveTo([1, 1, 2]);
  key("Enter");
  assert.equal(marks.unfinished?.kind, "length");
  view.moveTo([4, 3, 2]);
  key("Enter");
  assert.equal(marks.unfinished, null);
  assert.deepEqual(marks.list.map(({ kind }) => kind), ["hu", "length"]);
  assert.deepEqual(marks.list[1].points, [[1, 1, 2], [4, 3, 2]]);
  view.moveTo([0, 0, 0]);
  key(".");
  assert.deepEqual([marks.selected, view.point], [marks.list[0], [3, 2, 2]]);
  key(".");
  assert.deepEqual([marks.selected, view.point], [marks.list[1], [1, 1, 2]]);
  key("ArrowRight", { altKey: true, shiftKey: true });
  assert.deepEqual(marks.list[1].points, [[2, 1, 2], [5, 3, 2]]);
  assert.deepEqual(view.point, [1, 1, 2], "and not the crosshair");
  assert.ok(key("Delete"));
  assert.ok(!key("Delete"), "none is selected now");
  key(",");
  key("Backspace");
  assert.deepEqual(marks.list, []);
  assert.ok(!key("."), "there is none to go to");
});

test("marks stay with their volume, also when it ends early", () => {
  const first = numbered();
  const view = viewOf(first);
  dragThrough(view, view.planes[0], "hu", [[1, 1, 2]]);
  view.setVolume(numbered());
  assert.deepEqual(view.volume.marks.list, []);
  view.setVolume(first);
  assert.equal(view.volume.marks.list.length, 1);
  assert.equal(first.shortened(grid(["I", "P", "L"], [3, 5, 6])).marks, first.marks);
});

test("marks come back after a reload, but for an unfinished one", () => {
  const marks = new Marks();
  marks.begin("hu", AXIAL, [1, 1, 2]);
  marks.put();
  marks.begin("length", AXIAL, [1, 1, 2]);
  const after = new Marks();
  after.restore(JSON.parse(JSON.stringify(marks.state())));
  assert.deepEqual(after.list, [mark("hu", AXIAL, [1, 1, 2])]);
});

test("marks are copied as lines and saved as CSV that other programs read", () => {
  const volume = ramp(["S", "P", "L"]);
  volume.made.fill(1);
  volume.marks.restore([
    mark("length", AXIAL, [0, 0, 1], [10, 0, 1]),
    mark("ellipse", AXIAL, [8, 4, 1], [12, 16, 1]),
    mark("hu", 0, [3, 4, 1]),
  ]);
  const lines = asText(volume, "demo, seed 3").split("\n");
  assert.deepEqual(lines.slice(0, 2), ["demo, seed 3", "Axial 1, length: 7.0 mm"]);
  assert.equal(lines[2], "Axial 1, ellipse: mean 20 ± 3 HU; min 14, max 26 HU; 39.6 mm²");
  assert.equal(lines[3], "Sagittal 4, HU: 7 HU");
  const rows = asCsv(volume, 'demo, "seed" 3').split("\r\n");
  assert.equal(rows.length, 5);
  assert.equal(rows[1], '"demo, ""seed"" 3",1,length,Axial,1,7,,,,,,,,,-20 30 100; -13 30 100');
  const head = rows[0].split(",");
  const [, , ellipse, hu] = rows.map((row) => row.replace(/^".*?",(?=\d)/, "v,").split(","));
  assert.equal(ellipse[head.indexOf("area_mm2")], "39.58");
  assert.equal(ellipse[head.indexOf("mean_hu")], "20");
  assert.deepEqual([hu[head.indexOf("plane")], hu[head.indexOf("hu")]], ["Sagittal", "7"]);
});
