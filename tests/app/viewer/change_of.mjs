// Prints what has changed between two volumes, for tests/app/test_viewer_change.py: node change_of.mjs FILE, whose JSON
// has a threshold in HU and two volumes, each with a grid (see app/present.py) and a file of int16 HU.

import { readFileSync } from "node:fs";

import { Difference } from "../../../app/viewer/data/difference.js";
import { Volume } from "../../../app/viewer/data/volume.js";

function read({ grid, file }) {
  const bytes = readFileSync(file);
  const volume = new Volume(grid);
  volume.add({ first: 0, slices: grid.shape[0] }, new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2));
  return volume;
}

const { a, b, threshold } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const { change } = new Difference(read(a), read(b));
change.work(() => false);
console.log(JSON.stringify(change.changed(threshold)));
