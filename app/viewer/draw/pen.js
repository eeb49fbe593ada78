// @ts-check
// Lines and letters over the picture.

export const INK = "#e8edf2";
export const LETTERS = "12px system-ui, sans-serif";
export const BOLD_LETTERS = "bold 15px system-ui, sans-serif";

const HATCH_PX = 12;
const HATCH_GROUND = "#12161c";
const HATCH_LINES = "#2b333e";

/** @typedef {CanvasRenderingContext2D} Pen */

/**
 * Adds a line to the path.
 * @param {Pen} pen
 * @param {number} fromX
 * @param {number} fromY
 * @param {number} toX
 * @param {number} toY
 */
export function line(pen, fromX, fromY, toX, toY) {
  pen.moveTo(fromX, fromY);
  pen.lineTo(toX, toY);
}

/**
 * Letters with a dark rim can be read over bone and over air.
 * @param {Pen} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {CanvasTextAlign} align
 * @param {string} ink
 */
export function write(pen, text, x, y, align, ink = INK) {
  pen.textAlign = align;
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = "rgba(0, 0, 0, 0.75)";
  pen.strokeText(text, x, y);
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}

/** @type {HTMLCanvasElement | null} */
let hatchTile = null;

/**
 * Diagonal lines: "not made yet" must not look like air.
 * @param {Pen} pen
 */
export function hatch(pen) {
  hatchTile ??= makeHatchTile();
  return pen.createPattern(hatchTile, "repeat") ?? HATCH_GROUND;
}

function makeHatchTile() {
  const tile = document.createElement("canvas");
  tile.width = tile.height = HATCH_PX;
  const pen = /** @type {Pen} */ (tile.getContext("2d"));
  pen.fillStyle = HATCH_GROUND;
  pen.fillRect(0, 0, HATCH_PX, HATCH_PX);
  pen.strokeStyle = HATCH_LINES;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const x of [-HATCH_PX, 0, HATCH_PX]) line(pen, x, HATCH_PX, x + HATCH_PX, 0);
  pen.stroke();
  return tile;
}
