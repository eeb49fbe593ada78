import assert from "node:assert/strict";
import test from "node:test";

import { changeSentence, changeWords } from "../../../app/viewer/data/change.js";
import { Difference } from "../../../app/viewer/data/difference.js";
import { NOT_MADE, Volume } from "../../../app/viewer/data/volume.js";
import { FIRST_SCALE, bothAt, colourTable, paintDifference, projectBoth } from "../../../app/viewer/draw/difference.js";
import { greyTable } from "../../../app/viewer/draw/picture.js";
import { PLANES } from "../../../app/viewer/draw/plane.js";
import { shownAt } from "../../../app/viewer/draw/slab.js";
import { affineOf, grid, numbered, orientations, points } from "./fake.mjs";

const KINDS = ["none", "mip", "minip", "mean"];
const GREYS = greyTable({ width: 1500, level: -600 });

/** A volume of HU that follow no order, of which some slices are made. */
function scattered(axes, factor, made = [0, 1, 2, 3]) {
  const volume = new Volume(grid(axes));
  const hu = Int16Array.from({ length: volume.hu.length }, (_, i) => ((i * factor) % 4001) - 1000);
  volume.add({ first: 0, slices: 4 }, hu);
  for (let slice = 0; slice < 4; slice++) if (!made.includes(slice)) volume.made[slice] = 0;
  return volume;
}

test("a plane shows A and B, of slabs those of the slices that both have, in all planes and orientations", () => {
  for (const axes of orientations()) {
    const [a, b] = [scattered(axes, 7919, [0, 1, 3]), scattered(axes, 6133, [0, 2, 3])];
    const common = [scattered(axes, 7919, [0, 3]), scattered(axes, 6133, [0, 3])];
    const difference = new Difference(a, b);
    for (const plane of PLANES) {
      const [across, down, through] = [plane.across, plane.down, plane.through].map((axis) => a.axes[axis].size);
      for (const [first, last] of [[0, through - 1], [2, 2]]) {
        for (const kind of KINDS.slice(first === last ? 0 : 1)) {
          const [shownA, shownB] = [new Int16Array(across * down), new Int16Array(across * down)];
          projectBoth(shownA, shownB, difference, plane, [first, last], kind);
          for (const point of points(a).filter((one) => one[plane.through] === first)) {
            const expected = common.map((volume) => shownAt(volume, plane, point, [first, last], kind));
            const i = point[plane.down] * across + point[plane.across];
            const shown = [shownA[i], shownB[i]];
            if (expected[0] === null) assert.ok(shown.includes(NOT_MADE));
            else assert.deepEqual(shown, expected, `${axes} ${plane.name} ${kind}`);
            const both = bothAt(difference, plane, point, [first, last], kind);
            assert.deepEqual(both && [both.a, both.b], expected[0] === null ? null : expected);
          }
        }
      }
    }
  }
});

test("denser in B is orange, less dense is blue, and below the threshold there is a dim A", () => {
  const scale = { range: 200, threshold: 20 };
  const a = Int16Array.from([0, 0, 0, 0, 0, 0, NOT_MADE, 0]);
  const b = Int16Array.from([100, -100, 19, -19, 20, 900, 0, NOT_MADE]);
  const pixels = new Uint32Array(8).fill(7);
  paintDifference(pixels, a, b, GREYS, scale, colourTable(scale));
  const [denser, thinner, below, alsoBelow, at, most, noA, noB] = [...pixels].map((pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255]);
  assert.ok(denser[0] > denser[2] + 100, "red beyond blue");
  assert.ok(thinner[2] > thinner[0] + 100, "blue beyond red");
  assert.deepEqual(below, [114, 114, 114], "half of A's grey");
  assert.deepEqual(alsoBelow, below);
  assert.ok(at[0] > at[2], "the threshold itself is painted");
  assert.deepEqual(most, [255, 226, 140], "more than the range is as the range");
  assert.deepEqual([pixels[6], pixels[7], noA, noB], [0, 0, [0, 0, 0], [0, 0, 0]], "where one is missing, nothing");
});

test("colours grow brighter with the difference, alike on both sides, also where the threshold exceeds the range", () => {
  const luminance = (pixel) => 0.2126 * (pixel & 255) + 0.7152 * ((pixel >> 8) & 255) + 0.0722 * ((pixel >> 16) & 255);
  const table = colourTable(FIRST_SCALE);
  for (let hu = FIRST_SCALE.threshold; hu < FIRST_SCALE.range; hu += 10) {
    for (const sign of [-1, 1]) {
      assert.ok(luminance(table[200 + sign * (hu + 10)]) > luminance(table[200 + sign * hu]), `${sign * hu} HU`);
    }
    assert.ok(Math.abs(luminance(table[200 + hu]) - luminance(table[200 - hu])) < 20, `${hu} HU`);
  }
  const narrow = { range: 10, threshold: 300 };
  const pixels = new Uint32Array(2);
  paintDifference(pixels, Int16Array.of(0, 0), Int16Array.of(299, 300), GREYS, narrow, colourTable(narrow));
  assert.equal(pixels[0] & 255, 114);
  assert.equal(pixels[1] & 255, 255);
});

/** 4 slices of 5 x 6 voxels of 3 x 1.5 x 0.7 mm: soft tissue in the middle 3 x 4 of each, around one voxel of lung. */
function body(change, made = 4, affine = affineOf(["I", "P", "L"])) {
  const volume = new Volume(grid(["I", "P", "L"], [4, 5, 6], affine));
  const hu = new Int16Array(4 * 30).fill(-1000);
  for (let slice = 0; slice < 4; slice++) {
    for (let row = 1; row < 4; row++) {
      for (let column = 1; column < 5; column++) hu[slice * 30 + row * 6 + column] = row === 2 && column === 2 ? -800 : 40;
    }
  }
  change(hu);
  volume.add({ first: 0, slices: made }, hu.subarray(0, made * 30));
  return volume;
}

const ML = (3 * 1.5 * 0.7) / 1000;
const close = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found} is not ${expected}`);

test("changed tissue is counted in the body, which has its lungs in it, in ml by the spacing", () => {
  const a = body(() => {});
  const b = body((hu) => {
    hu[14] = 0; // lung that fills
    hu[8] = 20; // 20 HU less
    hu[9] = 60; // 20 HU more
    hu[0] = -900; // air beside the body
  });
  const change = new Difference(a, b).change;
  assert.ok(change.work(() => false));
  const at = change.changed(20);
  assert.deepEqual([at.compared, at.slices], [4, 4]);
  close(at.denserMl, 2 * ML);
  close(at.thinnerMl, ML);
  close(at.bodyMl, 4 * 12 * ML);
  const above = change.changed(21);
  close(above.denserMl, ML);
  close(above.thinnerMl, 0);
});

test("what only one of the two bodies holds counts, and A and B exchanged only exchange denser and less dense", () => {
  const [a, b] = [body(() => {}), body((hu) => hu.fill(40, 6, 12))];
  const counted = [new Difference(a, b), new Difference(b, a)].map((difference) => {
    const { change } = difference;
    change.work(() => false);
    return change.changed(500);
  });
  close(counted[0].denserMl, 2 * ML); // the row reaches one voxel further on both sides
  close(counted[0].thinnerMl, 0);
  close(counted[0].bodyMl, (4 * 12 + 2) * ML);
  assert.deepEqual(counted[1], { ...counted[0], denserMl: 0, thinnerMl: counted[0].denserMl });
});

test("slices are counted as they come, each once, and nothing of what one volume lacks", () => {
  const a = body(() => {});
  const whole = body((hu) => hu.fill(300, 6, 12));
  const b = new Volume(grid());
  const change = new Difference(a, b).change;
  assert.ok(change.work(() => false));
  close(change.changed(20).bodyMl, 0);
  b.add({ first: 1, slices: 1 }, whole.hu.subarray(30, 60));
  assert.ok(!change.isDone);
  change.work(() => false);
  close(change.changed(20).bodyMl, 12 * ML);
  b.addDraft({ first: 0, slices: 1 }, whole.hu.subarray(0, 30));
  change.work(() => false);
  close(change.changed(20).bodyMl, 12 * ML);
  b.add({ first: 0, slices: 1 }, whole.hu.subarray(0, 30));
  let turns = 0;
  while (!change.work(() => turns++ > 0)); // one slice at a time
  assert.equal(change.changed(20).compared, 2);
  close(change.changed(20).bodyMl, (2 * 12 + 2) * ML);
  close(change.changed(20).denserMl, 6 * ML);
});

test("a slice between two of B is counted again when the other one comes", () => {
  const a = body(() => {});
  const shifted = affineOf(["I", "P", "L"]).map((row, i) => (i === 2 ? [...row.slice(0, 3), row[3] + 1.5] : row));
  const b = body(() => {}, 2, shifted);
  const change = new Difference(a, b).change;
  change.work(() => false);
  close(change.changed(20).bodyMl, 12 * ML);
  b.add({ first: 2, slices: 2 }, body(() => {}).hu.subarray(60));
  change.work(() => false);
  close(change.changed(20).bodyMl, 4 * 12 * ML); // beyond B's last slice, but within half a voxel
});

test("the page says where B is resampled, and where there is nothing to compare", () => {
  const moved = (mm) => affineOf(["I", "P", "L"]).map((row, i) => (i === 0 ? [...row.slice(0, 3), row[3] + mm] : row));
  const note = (mm) => new Difference(numbered(), numbered(undefined, undefined, moved(mm))).note;
  assert.equal(note(0), "");
  assert.equal(note(1.4), "", "moved by whole voxels");
  assert.match(note(1), /resampled/);
  assert.match(note(100), /do not overlap/);
  const apart = new Difference(numbered(), numbered(undefined, undefined, moved(100)));
  apart.change.work(() => false);
  assert.equal(apart.changed(changeWords, 20), "", "and not that nothing has changed");
});

test("changed tissue is told in ml and as a share of the body, in short and in full", () => {
  const changed = { denserMl: 812.4, thinnerMl: 3.26, bodyMl: 16300, compared: 96, slices: 96 };
  assert.equal(changeWords(changed), "816 ml changed, 5.0 % of the body");
  const full = "816 ml changed, 5.0 % of the body (16300 ml), by 20 HU or more: 812 ml denser and 3.3 ml less dense in B.";
  assert.equal(changeSentence(changed, 20), full);
  assert.equal(changeSentence({ ...changed, compared: 32 }, 20), `${full} Compared so far: 32 of A's 96 slices.`);
  for (const words of [changeWords, changeSentence]) {
    assert.match(words({ denserMl: 0, thinnerMl: 0, bodyMl: 0 }, 20), /No part of the body/, "not 0 ml of nothing");
  }
});
