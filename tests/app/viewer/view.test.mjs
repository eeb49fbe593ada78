import assert from "node:assert/strict";
import test from "node:test";

import { Volume } from "../../../app/viewer/data/volume.js";
import { TOOLS } from "../../../app/viewer/tools/index.js";
import { grid, numbered, viewOf } from "./fake.mjs";

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
  before.setWindow({ width: 123, level: 45 });
  before.setTool(TOOLS[3]);
  before.moveTo([1, 2, 3]);
  before.zoom(before.planes[1], 2);
  const state = JSON.parse(JSON.stringify(before.state()));
  const after = viewOf(numbered());
  after.restore(state);
  assert.deepEqual(after.state(), before.state());
  after.restore({ ...state, tool: "one of another release" });
  assert.equal(after.tool.name, "crosshair");
});

test("everything that changes the picture says so", () => {
  const view = viewOf(numbered());
  let changes = 0;
  view.changed = () => changes++;
  const [plane] = view.planes;
  for (const change of [
    () => view.moveTo([0, 0, 0]),
    () => view.zoom(plane, 2),
    () => view.setPreset(1),
    () => view.setTool(view.tool),
    () => view.setFollowing(true),
    () => view.setGrowing(true),
    () => view.maximise(plane),
    () => view.reset(),
    () => view.arrived(),
    () => view.setVolume(null),
  ]) {
    const before = changes;
    change();
    assert.ok(changes > before, String(change));
  }
});
