// @ts-check
// What a mark measures in a volume. Millimetres come from the affine, which may be oblique and whose spacings differ.

/** @typedef {import("./marks.js").Mark} Mark */
/** @typedef {import("./volume.js").Volume} Volume */

/**
 * HU of the voxels whose centres lie in an ellipse. `sd` is that of these voxels (divided by their number).
 * @typedef {{ count: number, mean: number, sd: number, least: number, most: number }} Statistics
 */

const DEGREES = 180 / Math.PI;
const CM2_FROM_MM2 = 100; // smaller areas are told in mm²

/**
 * From one point to another, in mm.
 * @param {Volume} volume
 * @param {number[]} from
 * @param {number[]} to
 */
function vector(volume, from, to) {
  const [start, end] = [volume.toMm(from), volume.toMm(to)];
  return end.map((mm, i) => mm - start[i]);
}

/**
 * @param {Volume} volume
 * @param {Mark} mark  a length
 */
export function lengthMm(volume, { points: [from, to] }) {
  return Math.hypot(...vector(volume, from, to));
}

/**
 * From 0 to 180 degrees; null while two of its points are the same.
 * @param {Volume} volume
 * @param {Mark} mark  an angle
 */
export function angleDegrees(volume, { points: [end, vertex, other = vertex] }) {
  const [a, b] = [vector(volume, vertex, end), vector(volume, vertex, other)];
  const product = Math.hypot(...a) * Math.hypot(...b);
  if (!product) return null;
  const cosine = a.reduce((sum, mm, i) => sum + mm * b[i], 0) / product;
  return Math.acos(Math.min(1, Math.max(-1, cosine))) * DEGREES;
}

/**
 * Centre and half axes of an ellipse, as points and steps between them.
 * @param {Mark} mark  an ellipse
 */
export function ellipse({ through, points: [corner, opposite] }) {
  const centre = corner.map((value, axis) => (value + opposite[axis]) / 2);
  const [u, v] = [0, 1, 2].filter((axis) => axis !== through);
  const half = (/** @type {number} */ along) =>
    centre.map((_, axis) => (axis === along ? Math.abs(opposite[axis] - corner[axis]) / 2 : 0));
  return { centre, u, v, halfU: half(u), halfV: half(v) };
}

/**
 * @param {Volume} volume
 * @param {Mark} mark  an ellipse
 */
export function areaMm2(volume, mark) {
  const { centre, halfU, halfV } = ellipse(mark);
  const along = (/** @type {number[]} */ half) => vector(volume, centre, centre.map((value, i) => value + half[i]));
  const [a, b] = [along(halfU), along(halfV)];
  const cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  return Math.PI * Math.hypot(...cross);
}

/**
 * HU in an ellipse; null where it holds the centre of no voxel that is made.
 * @param {Volume} volume
 * @param {Mark} mark  an ellipse
 * @returns {Statistics | null}
 */
export function statistics(volume, mark) {
  const hu = [...huInside(volume, mark)];
  if (!hu.length) return null;
  const mean = hu.reduce((sum, value) => sum + value, 0) / hu.length;
  const variance = hu.reduce((sum, value) => sum + (value - mean) ** 2, 0) / hu.length;
  const [least, most] = [hu.reduce((a, b) => Math.min(a, b)), hu.reduce((a, b) => Math.max(a, b))];
  return { count: hu.length, mean, sd: Math.sqrt(variance), least, most };
}

/**
 * @param {Volume} volume
 * @param {Mark} mark
 */
function* huInside(volume, mark) {
  const { centre, u, v, halfU, halfV } = ellipse(mark);
  const [radiusU, radiusV] = [halfU[u], halfV[v]];
  const point = centre.map(Math.round);
  for (point[v] = Math.ceil(centre[v] - radiusV); point[v] <= centre[v] + radiusV; point[v]++) {
    for (point[u] = Math.ceil(centre[u] - radiusU); point[u] <= centre[u] + radiusU; point[u]++) {
      const far = ((point[u] - centre[u]) / radiusU) ** 2 + ((point[v] - centre[v]) / radiusV) ** 2;
      const hu = far <= 1 ? volume.at(point) : null;
      if (hu !== null) yield hu;
    }
  }
}

/**
 * HU at the voxel that a mark lies in, or null where it is not made.
 * @param {Volume} volume
 * @param {Mark} mark
 */
export function huAt(volume, { points: [point] }) {
  return volume.at(point.map(Math.round));
}

/**
 * What a mark says, a line each.
 * @param {Volume} volume
 * @param {Mark} mark
 * @returns {string[]}
 */
export function words(volume, mark) {
  if (mark.kind === "length") return [`${lengthMm(volume, mark).toFixed(1)} mm`];
  if (mark.kind === "angle") return [angleWords(angleDegrees(volume, mark))];
  if (mark.kind === "ellipse") return ellipseWords(statistics(volume, mark), areaMm2(volume, mark));
  const hu = huAt(volume, mark);
  return [hu === null ? "not made yet" : `${hu} HU`];
}

/** @param {number | null} degrees */
function angleWords(degrees) {
  return degrees === null ? "–" : `${degrees.toFixed(1)}°`;
}

/**
 * @param {Statistics | null} found
 * @param {number} area  mm²
 */
function ellipseWords(found, area) {
  const size = area < CM2_FROM_MM2 ? `${area.toFixed(1)} mm²` : `${(area / CM2_FROM_MM2).toFixed(2)} cm²`;
  if (!found) return ["no voxels", size];
  const { mean, sd, least, most } = found;
  return [`mean ${mean.toFixed(0)} ± ${sd.toFixed(0)} HU`, `min ${least}, max ${most} HU`, size];
}
