// @ts-check
// Affines: three rows that give mm, or an index, for (slice, row, column, 1).

/** @typedef {number[][]} Affine */

/**
 * @param {Affine} affine
 * @param {number[]} index
 */
export function apply(affine, index) {
  return affine.map(([a, b, c, offset]) => a * index[0] + b * index[1] + c * index[2] + offset);
}

/**
 * What `affine` does to a step, which has no origin.
 * @param {Affine} affine
 * @param {number[]} step
 */
export function applyToStep(affine, step) {
  return affine.map(([a, b, c]) => a * step[0] + b * step[1] + c * step[2]);
}

/**
 * The affine of a grid that is moved.
 * @param {Affine} affine
 * @param {number[]} mm
 * @returns {Affine}
 */
export function moved(affine, mm) {
  return affine.map(([a, b, c, offset], axis) => [a, b, c, offset + mm[axis]]);
}

/** @param {Affine} affine */
export function determinant([[a, b, c], [d, e, f], [g, h, i]]) {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/**
 * The affine that undoes another one, whose three steps must not lie in one plane.
 * @param {Affine} affine
 * @returns {Affine}
 */
export function inverse(affine) {
  const [[a, b, c], [d, e, f], [g, h, i]] = affine;
  const size = determinant(affine);
  const turned = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / size));
  const back = applyToStep(turned, affine.map((row) => row[3]));
  return turned.map((row, axis) => [...row, -back[axis]]);
}

/**
 * First `inner`, then `outer`.
 * @param {Affine} outer
 * @param {Affine} inner
 * @returns {Affine}
 */
export function chain(outer, inner) {
  const origin = apply(outer, inner.map((row) => row[3]));
  const columns = [0, 1, 2].map((axis) => applyToStep(outer, inner.map((row) => row[axis])));
  return origin.map((offset, axis) => [...columns.map((column) => column[axis]), offset]);
}
