import assert from "node:assert/strict";
import test from "node:test";

import { Volume } from "../../../app/viewer/data/volume.js";
import { restore, stateOf } from "../../../app/viewer/view_state.js";
import { TOOLS } from "../../../app/viewer/tools/index.js";
import { chestLike, grid, numbered, PRESETS, viewOf } from "./fake.mjs";

for (const axes of [["I", "P", "L"], ["S", "P", "L"], ["L", "S", "A"]]) {
  const slice = (view) => view.volume.fileIndex(view.point)[0];

  test(`slices towards ${axes[0]}: the newest is shown until the person goes elsewhere`, () => {
    const volume = new Volume(grid(axes));
    const view = viewOf(volume);
    const make = (first) => {
      volume.add({ first, slices: 1 }, new Int16Array(30));
      view.arrived();
    };
    assert.equal(slice(view), 1);
    make(0);
    make(1);
    assert.equal(slice(view), 2);
    const along = view.planes.find(({ through }) => through === volume.sliceAxis);
    view.scrollTo(along, volume.positionOf(0));
    make(2);
    assert.equal(slice(view), 1);
    assert.equal(view.following, false);
    view.setFollowing(true);
    assert.equal(slice(view), 3);
  });

  test(`slices towards ${axes[0]}: a shorter volume leaves the slice that is shown, if it is still there`, () => {
    for (const [shown, after] of [[2, 2], [4, 3]]) {
      const view = viewOf(numbered(axes));
      const along = view.planes.find(({ through }) => through === view.volume.sliceAxis);
      view.scrollTo(along, view.volume.positionOf(shown - 1));
      view.shorten(view.volume.shortened(grid(axes, [3, 5, 6])));
      assert.equal(slice(view), after);
      assert.ok(view.volume.contains(view.point));
    }
  });
}

test("moving in a slice does not end the following", () => {
  const view = viewOf(numbered());
  view.nudge(view.planes[0], 1, 1);
  assert.equal(view.following, true);
});

test("a view comes back as it was", () => {
  const before = viewOf(numbered());
  before.display.setWindow({ width: 123, level: 45 });
  before.settings.setTool(TOOLS[3]);
  before.moveTo([1, 2, 3]);
  before.zoom(before.planes[1], 2);
  before.setSlab(before.planes[2], { kind: "minip", mm: 30 });
  before.settings.setLayout("row");
  before.settings.maximise(before.planes[1]);
  before.settings.setSpeed(5);
  before.display.toggle("crosshair");
  before.volume.marks.begin("hu", 2, [1, 1, 3]);
  before.volume.marks.put();
  const state = JSON.parse(JSON.stringify(stateOf(before)));
  const after = viewOf(numbered());
  restore(after, state);
  assert.deepEqual(stateOf(after), stateOf(before));
  assert.equal(after.settings.maximised, after.planes[1]);
  restore(after, { ...state, tool: "one of another release" });
  assert.equal(after.tool.name, "crosshair");
});

const slice = (view) => view.volume.fileIndex(view.point)[0];

function scrollToSlice(view, number) {
  const along = view.planes.find(({ through }) => through === view.volume.sliceAxis);
  view.scrollTo(along, view.volume.positionOf(number - 1));
}

for (const towards of ["I", "S"]) {
  test(`slices towards ${towards}: when a volume is done, the middle of its lungs is shown`, () => {
    const view = viewOf(chestLike(towards));
    view.arrived();
    assert.equal(slice(view), 20);
    view.settle();
    assert.equal(slice(view), 8, "lungs are in slices 5 to 11");
    view.arrived();
    assert.equal(slice(view), 8, "it stays there");
  });

  test(`slices towards ${towards}: who has gone elsewhere stays there, in the next volume too`, () => {
    const view = viewOf(chestLike(towards));
    scrollToSlice(view, 17);
    view.zoom(view.planes[0], 2);
    view.nudge(view.planes[0], 1, 1);
    view.display.setWindow(PRESETS[1]);
    view.settle();
    assert.equal(slice(view), 17);
    const { point } = view;
    const { window } = view.display;
    view.setVolume(new Volume(grid([towards, "P", "L"], [20, 16, 16])));
    view.arrived();
    view.settle();
    assert.deepEqual([view.point, view.planes[0].zoom, view.display.window], [point, 2, window]);
    view.setVolume(new Volume(grid([towards, "P", "L"], [12, 16, 16])));
    assert.equal(slice(view), 12, "a shorter volume ends there");
  });
}

test("who has not gone elsewhere sees the newest slices of the next volume", () => {
  const view = viewOf(chestLike("I"));
  view.settle();
  const next = new Volume(grid(["I", "P", "L"], [20, 16, 16]));
  view.setVolume(next);
  assert.equal(slice(view), 1);
  next.add({ first: 0, slices: 3 }, new Int16Array(3 * 256));
  view.arrived();
  assert.equal(slice(view), 3);
});

test("a stand-in is told as one, and where somebody looked in it means nothing for what comes after it", () => {
  const view = viewOf(null);
  view.setStandIn(chestLike("I"), "Example");
  assert.deepEqual([view.caption, slice(view)], ["Example", 8]);
  scrollToSlice(view, 17);
  view.zoom(view.planes[0], 2);
  view.setVolume(new Volume(grid(["I", "P", "L"], [20, 16, 16])));
  assert.deepEqual([view.caption, slice(view), view.following, view.planes[0].zoom], ["", 1, true, 2]);
});

test("a view goes back to a place that it was at", () => {
  const view = viewOf(numbered());
  const before = view.place;
  view.moveTo([1, 2, 1]);
  view.goTo(before);
  assert.deepEqual(view.place, before);
  assert.equal(view.following, true);
});

test("everything that changes the picture says so", () => {
  const view = viewOf(numbered());
  let changes = 0;
  view.changed = () => changes++;
  const [plane] = view.planes;
  for (const change of [
    () => view.moveTo([0, 0, 0]),
    () => view.zoom(plane, 2),
    () => view.display.setPreset(1),
    () => view.display.toggle("inverted"),
    () => view.setSlab(plane, { kind: "mip", mm: 10 }),
    () => view.settings.setLayout("row"),
    () => view.settings.setPlaying(plane),
    () => view.settings.setTool(view.tool),
    () => view.setFollowing(true),
    () => view.setGrowing(true),
    () => view.settings.maximise(plane),
    () => view.reset(),
    () => view.settle(),
    () => view.goTo(view.place),
    () => view.activate(view.planes[2]),
    () => view.setCaption("Previous volume"),
    () => view.setStandIn(numbered(), "Example"),
    () => view.arrived(),
    () => view.setVolume(null),
  ]) {
    const before = changes;
    change();
    assert.ok(changes > before, String(change));
  }
});
