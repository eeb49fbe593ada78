import assert from "node:assert/strict";
import test from "node:test";

import { fingersOn } from "../../../app/viewer/room/fingers.js";
import { Touch } from "../../../app/viewer/room/touch.js";
import { TOOLS } from "../../../app/viewer/tools/index.js";
import { chestLike, viewOf } from "./fake.mjs";

function noted() {
  const notes = [];
  const note = (name) => (...numbers) => notes.push([name, ...numbers]);
  const names = ["tap", "hold", "begin", "drag", "end", "pinch"];
  return { notes, touch: new Touch(Object.fromEntries(names.map((name) => [name, note(name)]))) };
}

test("a finger that hardly moves has tapped", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.move(1, 103, 104);
  touch.up(1);
  assert.deepEqual(notes, [["tap", 100, 100]]);
});

test("a finger that moves drags, without the pixels that told so, and does not tap", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.move(1, 100, 112);
  touch.move(1, 103, 130);
  touch.up(1);
  assert.deepEqual(notes, [["begin", 100, 100], ["drag", 103, 130, 3, 18], ["end"]]);
});

test("a finger that stays has not tapped, and where it goes then is told", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  t.mock.timers.tick(499);
  assert.deepEqual(notes, []);
  t.mock.timers.tick(1);
  touch.move(1, 100, 130);
  touch.up(1);
  assert.deepEqual(notes, [["hold", 100, 100], ["hold", 100, 130]]);
});

test("a finger that moves, leaves or gets company does not stay", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const act of [
    (touch) => touch.move(1, 100, 120),
    (touch) => touch.up(1),
    (touch) => touch.cancel(1),
    (touch) => touch.down(2, 200, 100),
  ]) {
    const { notes, touch } = noted();
    touch.down(1, 100, 100);
    act(touch);
    t.mock.timers.tick(1000);
    assert.ok(!notes.some(([name]) => name === "hold"), String(act));
  }
});

test("a second finger ends the drag of the first one", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.move(1, 100, 120);
  touch.down(2, 200, 120);
  touch.up(2);
  touch.up(1);
  assert.deepEqual(notes, [["begin", 100, 100], ["end"]]);
});

test("two fingers pinch: as far as they go apart, and where the place between them goes", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.down(2, 200, 100);
  touch.move(1, 80, 100);
  touch.move(2, 280, 100);
  assert.deepEqual(notes, [["pinch", 140, 100, -10, 0, 1.2], ["pinch", 180, 100, 40, 0, 200 / 120]]);
});

test("after a pinch the last finger neither drags nor taps, and the next touch begins anew", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.down(2, 200, 100);
  touch.up(2);
  touch.move(1, 100, 190);
  touch.up(1);
  assert.deepEqual(notes, []);
  touch.down(3, 50, 50);
  touch.up(3);
  assert.deepEqual(notes, [["tap", 50, 50]]);
});

test("a finger that the browser takes away, or that was never there, does nothing", () => {
  const { notes, touch } = noted();
  touch.down(1, 100, 100);
  touch.cancel(1);
  touch.move(1, 100, 150);
  touch.up(1);
  touch.move(9, 1, 1);
  assert.deepEqual(notes, []);
});

function swipe(touch, from, to, step = 5) {
  touch.down(1, 50, from);
  for (let y = from; y !== to; y += Math.sign(to - from) * step) touch.move(1, 50, y);
  touch.move(1, 50, to);
  touch.up(1);
}

test("with the crosshair a swipe scrolls: up to later slices, and the whole height goes through all of them", () => {
  const view = viewOf(chestLike("I"), 200, 208);
  const [axial] = view.planes;
  const before = view.point;
  swipe(fingersOn(() => ({ view, plane: axial })), 204, 4, 1);
  assert.equal(view.point[2] - before[2], 18, "20 slices in 208 pixels, the first 8 of which tell a swipe from a tap");
  swipe(fingersOn(() => ({ view, plane: axial })), 4, 204, 1);
  assert.deepEqual(view.point, before);
});

test("a tap moves the crosshair, and a swipe leaves it where it is in the slice", () => {
  const view = viewOf(chestLike("I"), 200, 200);
  const touch = fingersOn(() => ({ view, plane: view.planes[0] }));
  touch.down(1, 80, 70);
  touch.up(1);
  assert.deepEqual(view.point, view.planes[0].pointAt(view.volume, view.point, 80, 70));
  const [x, y] = view.point;
  swipe(touch, 150, 60);
  assert.deepEqual(view.point.slice(0, 2), [x, y]);
});

test("a long press places the crosshair, whatever the tool", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const tool of TOOLS) {
    const view = viewOf(chestLike("I"), 200, 200);
    view.settings.setTool(tool);
    const touch = fingersOn(() => ({ view, plane: view.planes[0] }));
    touch.down(1, 80, 70);
    t.mock.timers.tick(500);
    touch.up(1);
    assert.deepEqual(view.point, view.planes[0].pointAt(view.volume, view.point, 80, 70), tool.name);
    assert.deepEqual(view.volume.marks.list, []);
  }
});

test("a finger measures: it draws a length, and takes hold of its end", () => {
  const view = viewOf(chestLike("I"), 200, 200);
  const [axial] = view.planes;
  view.settings.setTool(TOOLS.find(({ name }) => name === "length"));
  const touch = fingersOn(() => ({ view, plane: axial }));
  const move = (from, to) => {
    touch.down(1, ...from);
    for (const share of [0.3, 0.6, 1]) touch.move(1, ...from.map((value, i) => value + share * (to[i] - value)));
    touch.up(1);
  };
  move([60, 60], [120, 60]);
  const { marks } = view.volume;
  assert.deepEqual([marks.list.length, marks.unfinished], [1, null]);
  const place = (end) => axial.placeOf(view.volume, marks.list[0].points[end]).map(Math.round);
  assert.deepEqual([place(0), place(1)], [[60, 60], [120, 60]]);
  move([120, 60], [120, 140]);
  assert.deepEqual([marks.list.length, place(0), place(1)], [1, [60, 60], [120, 140]]);
});

test("with another tool one finger does what a mouse does", () => {
  const view = viewOf(chestLike("I"));
  view.settings.setTool(TOOLS.find(({ name }) => name === "pan"));
  swipe(fingersOn(() => ({ view, plane: view.planes[0] })), 100, 120);
  assert.deepEqual(view.planes[0].pan, [0, 10]);
});

test("two fingers zoom and move the picture, whatever the tool, and what lies between them goes with them", () => {
  for (const tool of TOOLS) {
    const view = viewOf(chestLike("I"));
    view.settings.setTool(tool);
    const [plane] = view.planes;
    const before = plane.pointAt(view.volume, view.point, 155, 96);
    const point = view.point;
    const touch = fingersOn(() => ({ view, plane }));
    touch.down(1, 145, 96);
    touch.down(2, 165, 96);
    touch.move(1, 130, 110);
    touch.move(2, 190, 110);
    assert.ok(Math.abs(plane.zoom - 3) < 0.05, `${tool.name}: from 20 to 60 pixels apart`);
    assert.deepEqual(plane.pointAt(view.volume, point, 160, 110), before);
    assert.deepEqual(view.point, point);
  }
});

test("without a volume fingers do nothing", () => {
  const view = viewOf(null);
  const touch = fingersOn(() => ({ view, plane: view.planes[0] }));
  swipe(touch, 100, 50);
  touch.down(1, 1, 1);
  touch.up(1);
  assert.deepEqual(view.point, [0, 0, 0]);
});
