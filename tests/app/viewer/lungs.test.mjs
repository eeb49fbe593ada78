import assert from "node:assert/strict";
import test from "node:test";

import { midLung } from "../../../app/viewer/data/lungs.js";
import { Volume } from "../../../app/viewer/data/volume.js";
import { chestLike, grid } from "./fake.mjs";

test("the middle of the lungs is that of the slices that hold much of them", () => {
  assert.equal(midLung(chestLike("I")), 7, "slices 4 to 10, counted from 0");
});

test("air beside the patient is not lung, not even where noise makes it look so", () => {
  const volume = chestLike("I");
  const hu = volume.hu.slice();
  hu.fill(-940, 18 * 256, 18 * 256 + 3 * 16); // some rows at the border of a slice
  volume.add({ first: 0, slices: 20 }, hu);
  assert.equal(midLung(volume), 7);
});

test("a volume without lungs has a middle all the same", () => {
  assert.equal(midLung(new Volume(grid(["I", "P", "L"], [9, 8, 8]))), 4);
});
