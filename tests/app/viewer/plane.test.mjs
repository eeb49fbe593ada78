import assert from "node:assert/strict";
import test from "node:test";

import { NOT_MADE } from "../../../app/viewer/data/volume.js";
import { greyTable } from "../../../app/viewer/draw/picture.js";
import { PLANES, Plane } from "../../../app/viewer/draw/plane.js";
import { project } from "../../../app/viewer/draw/slab.js";
import { readout, title } from "../../../app/viewer/draw/words.js";
import { numbered, orientations, points, viewOf } from "./fake.mjs";

const ZERO_HU = 32768;

function planes(width = 300, height = 200) {
  return PLANES.map((definition) => {
    const plane = new Plane(definition);
    plane.resize(width, height);
    return plane;
  });
}

function close(value, expected) {
  assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);
}

test("a slice is painted with right and down along the patient's axes, in all orientations", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    volume.made[1] = 0;
    for (const plane of PLANES) {
      const [across, down, through] = [plane.across, plane.down, plane.through].map((axis) => volume.axes[axis].size);
      for (let position = 0; position < through; position++) {
        const shown = new Int16Array(across * down).fill(1);
        project(shown, volume, plane, [position, position], "none");
        for (const point of points(volume).filter((one) => one[plane.through] === position)) {
          const hu = shown[point[plane.down] * across + point[plane.across]];
          assert.equal(hu, volume.at(point) ?? NOT_MADE, `${axes} ${plane.name} ${point}`);
        }
      }
    }
  }
});

test("millimetres are equal in both directions, and the whole slice fits", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    for (const plane of planes()) {
      const { scale, left, top, width, height } = plane.rectangle(volume);
      close(width, volume.axes[plane.across].size * volume.axes[plane.across].spacing * scale);
      close(height, volume.axes[plane.down].size * volume.axes[plane.down].spacing * scale);
      close(left + width / 2, 150);
      close(top + height / 2, 100);
      assert.ok(width <= 298 + 1e-9 && height <= 198 + 1e-9);
      assert.ok(width > 297 || height > 197, "as large as can be");
    }
  }
});

test("where a voxel is shown is where it is found, also zoomed and moved", () => {
  for (const axes of orientations()) {
    const volume = numbered(axes);
    for (const plane of planes()) {
      plane.zoomAt(volume, 40, 50, 3);
      plane.pan[0] += 17;
      for (const point of points(volume)) {
        const [x, y] = plane.placeOf(volume, point);
        assert.deepEqual(plane.pointAt(volume, point, x, y), point);
      }
    }
  }
});

test("zooming leaves what lies under the pointer there, and has limits", () => {
  const volume = numbered(["S", "A", "R"]);
  for (const plane of planes()) {
    const under = () => {
      const { left, top, width, height } = plane.rectangle(volume);
      return [(70 - left) / width, (30 - top) / height];
    };
    const before = under();
    for (const factor of [1.7, 4, 0.3, 100]) plane.zoomAt(volume, 70, 30, factor);
    under().forEach((share, i) => close(share, before[i]));
    assert.equal(plane.zoom, 20);
    plane.zoomAt(volume, 70, 30, 1e-6);
    assert.equal(plane.zoom, 0.5);
    plane.reset();
    assert.deepEqual([plane.zoom, plane.pan], [1, [0, 0]]);
  }
});

test("a window is black at its low end, white at its high end, and even between", () => {
  const table = greyTable({ width: 400, level: 40 });
  const grey = (hu) => table[hu + ZERO_HU] & 255;
  assert.deepEqual([-1000, -160, 40, 240, 3000].map(grey), [0, 0, 127, 255, 255]);
  assert.equal(table[ZERO_HU] >>> 24, 255, "opaque");
});

test("a plane says which slice of the file it shows, and whether it is made", () => {
  const volume = numbered(["S", "P", "L"]);
  volume.made[3] = 0;
  const view = viewOf(volume);
  const [axial, coronal] = view.planes;
  assert.equal(title(axial, view), "Axial  1 / 4");
  view.scroll(axial, -3);
  assert.equal(title(axial, view), "Axial  4 / 4  not made yet");
  assert.equal(title(coronal, view), "Coronal  3 / 5");
});

test("the readout tells made, not made and outside apart", () => {
  const volume = numbered(["I", "P", "L"]);
  volume.made[3] = 0;
  const [plane] = planes();
  const mm = "   R 18.6 P 31.5";
  assert.equal(readout(volume, plane, [2, 1, 0]), `8 HU   column 3  row 2  slice 1${mm} S 100.0 mm`);
  assert.equal(readout(volume, plane, [2, 1, 3]), `not made yet   column 3  row 2  slice 4${mm} S 91.0 mm`);
  assert.equal(readout(volume, plane, [2, 1, 4]), "–   column –  row –  slice –");
});
