// @ts-check
// Where the lungs are in a volume: a viewer that has no better place to go to shows their middle.

/** @typedef {import("./volume.js").Volume} Volume */

const LUNG_HU = [-950, -500]; // air outside lies below, soft tissue above
const EVERY = 2; // voxels along a row and rows: so many are enough to tell

/**
 * The index in the file of the slice in the middle of the lungs: of the slices that hold at least half as much lung as
 * the one with most. The middle slice where there is no lung.
 * @param {Volume} volume
 */
export function midLung(volume) {
  const areas = Array.from({ length: volume.shape[0] }, (_, slice) => lungArea(volume, slice));
  const half = Math.max(...areas) / 2;
  if (!half) return volume.shape[0] >> 1;
  const large = areas.map((area) => area >= half);
  return (large.indexOf(true) + large.lastIndexOf(true)) >> 1;
}

/**
 * How many voxels of a slice have the HU of lung, in its inner half: noise makes air at the border look like lung.
 * @param {Volume} volume
 * @param {number} slice
 */
function lungArea({ shape: [, rows, columns], hu }, slice) {
  let area = 0;
  for (let row = rows >> 2; row < rows - (rows >> 2); row += EVERY) {
    const start = (slice * rows + row) * columns;
    for (let column = columns >> 2; column < columns - (columns >> 2); column += EVERY) {
      const value = hu[start + column];
      if (value >= LUNG_HU[0] && value <= LUNG_HU[1]) area++;
    }
  }
  return area;
}
