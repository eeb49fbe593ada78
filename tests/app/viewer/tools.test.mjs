import assert from "node:assert/strict";
import test from "node:test";

import { press, shortcuts } from "../../../app/viewer/room/keyboard.js";
import { TOOLS } from "../../../app/viewer/tools/index.js";
import { numbered, orientations, PRESETS, viewOf } from "./fake.mjs";

const tool = (name) => TOOLS.find((one) => one.name === name);

function drag(view, plane, name, { x = 0, y = 0, dx = 0, dy = 0 }) {
  tool(name).drag({ view, plane, volume: view.volume, x, y, dx, dy });
}

function key(view, name, modifiers = {}, actions = {}) {
  return press(shortcuts(view, actions), { key: name, altKey: false, shiftKey: false, ...modifiers }, view);
}

test("no two tools share a name, a key or a mouse button", () => {
  for (const property of ["name", "key", "button"]) {
    const values = TOOLS.map((one) => one[property]).filter((value) => value !== undefined);
    assert.equal(new Set(values).size, values.length, property);
  }
});

test("a drag of the crosshair goes to the voxel under the pointer, in all orientations", () => {
  for (const axes of orientations()) {
    const view = viewOf(numbered(axes));
    for (const plane of view.planes) {
      for (const [across, down] of [[0, 0], [1, 2], [2, 3]]) {
        const point = view.point.slice();
        point[plane.across] = across;
        point[plane.down] = down;
        const [x, y] = plane.placeOf(view.volume, point);
        drag(view, plane, "crosshair", { x, y });
        assert.deepEqual(view.point, point);
      }
    }
    drag(view, view.planes[0], "crosshair", { x: -1e6, y: 1e6 });
    assert.equal(view.point[0], 0, "never outside of the volume");
    assert.equal(view.point[1], view.volume.axes[1].size - 1);
  }
});

test("a window drag goes wider to the right and lower upwards, faster where it is wide, and has limits", () => {
  const view = viewOf(numbered());
  view.display.setWindow({ width: 300, level: 0 });
  drag(view, view.planes[0], "window", { dx: 10, dy: -5 });
  assert.deepEqual(view.display.window, { width: 310, level: -5 });
  view.display.setWindow({ width: 1500, level: 0 });
  drag(view, view.planes[0], "window", { dx: 10, dy: -5 });
  assert.deepEqual(view.display.window, { width: 1550, level: -25 });
  drag(view, view.planes[0], "window", { dx: -1e6, dy: 1e6 });
  assert.deepEqual(view.display.window, { width: 1, level: 4000 });
});

test("pan and zoom change their plane alone", () => {
  const view = viewOf(numbered());
  const [axial, coronal] = view.planes;
  drag(view, axial, "pan", { dx: 7, dy: -3 });
  drag(view, coronal, "zoom", { dy: -150 });
  assert.deepEqual([axial.pan, axial.zoom], [[7, -3], 1]);
  assert.deepEqual([coronal.pan, coronal.zoom], [[0, 0], Math.E]);
});

test("the crosshair alone is drawn, and through its point", () => {
  const view = viewOf(numbered());
  const [plane] = view.planes;
  const ends = [];
  const pen = { beginPath() {}, stroke() {}, moveTo: (...place) => ends.push(place), lineTo: (...place) => ends.push(place) };
  for (const one of TOOLS) one.draw?.(pen, plane, view.volume, view);
  const [x, y] = plane.placeOf(view.volume, view.point);
  assert.equal(ends.length, 8);
  assert.ok(ends.every((end) => end[0] === x || end[1] === y));
});

test("the table of keys names every tool and all of its shortcuts", () => {
  const rows = shortcuts(viewOf(numbered()), {});
  const choice = rows.find(({ meaning }) => meaning.startsWith("tool:"));
  assert.equal(choice.keys, TOOLS.map((one) => one.key).join(" "));
  for (const { label, shortcuts: own } of TOOLS) {
    assert.ok(choice.meaning.includes(label));
    for (const shortcut of own) assert.ok(rows.includes(shortcut));
  }
  assert.ok(rows.some(({ keys }) => keys === "1 to 2"), "as many presets as there are");
});

test("every tool is chosen by its key", () => {
  const view = viewOf(numbered());
  for (const one of TOOLS) {
    assert.ok(key(view, one.key));
    assert.equal(view.tool, one);
  }
  assert.ok(!key(view, "w", { altKey: true }));
});

test("keys scroll, move the crosshair, set the window and zoom", () => {
  const view = viewOf(numbered());
  const [axial] = view.planes;
  view.moveTo([2, 2, 2]);
  for (const [name, modifiers, expected] of [
    ["ArrowDown", {}, [2, 2, 3]],
    ["Home", {}, [2, 2, 0]],
    ["PageDown", {}, [2, 2, 3]],
    ["ArrowUp", {}, [2, 2, 2]],
    ["ArrowRight", { shiftKey: true }, [3, 2, 2]],
    ["ArrowUp", { shiftKey: true }, [3, 1, 2]],
    ["End", {}, [3, 1, 3]],
  ]) {
    assert.ok(key(view, name, modifiers), name);
    assert.deepEqual(view.point, expected, name);
  }
  key(view, "2");
  assert.deepEqual(view.display.window, { width: 2500, level: 480 });
  assert.ok(!key(view, "3"), "there are two presets");
  view.display.setWindow({ width: 300, level: 0 });
  key(view, "ArrowRight", { altKey: true });
  assert.deepEqual(view.display.window, { width: 310, level: 0 });
  key(view, "+");
  key(view, "+");
  key(view, "-");
  assert.ok(Math.abs(axial.zoom - 1.25) < 1e-9);
});

test("keys that mean nothing are left to the browser", () => {
  const view = viewOf(numbered());
  for (const name of ["y", "Tab", " ", "Enter", "0", "9", "F5"]) assert.ok(!key(view, name), name);
  view.setVolume(null);
  for (const name of ["ArrowUp", "+", "Home"]) assert.ok(!key(view, name), "there is nothing to move");
});

test("m, f, r and ? do what the table says", () => {
  const view = viewOf(numbered());
  let helped = 0;
  key(view, "m");
  assert.equal(view.settings.maximised, view.active);
  key(view, "f");
  assert.equal(view.following, true, "no slices come any more, so there is nothing to follow or to leave");
  view.setGrowing(true);
  key(view, "f");
  assert.equal(view.following, false);
  view.display.setWindow(PRESETS[1]);
  view.zoom(view.planes[1], 2);
  key(view, "r");
  assert.deepEqual([view.settings.maximised, view.planes[1].zoom], [null, 1]);
  assert.deepEqual(view.display.window, { width: 2500, level: 480 }, "a window is chosen for the whole sitting");
  key(view, "?", {}, { showHelp: () => helped++ });
  assert.equal(helped, 1);
});
