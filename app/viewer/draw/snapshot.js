// @ts-check
// The planes as they stand on the screen, in one picture, with a caption below.

import { INK } from "./pen.js";

const GROUND = "#0b0e12";
const LETTERS_PX = 13;
const LINE_PX = 18;
const MARGIN_PX = 10;

/**
 * @param {HTMLElement} planes  whose canvases are drawn, those that are seen
 * @param {string[]} lines      the caption; long lines are broken
 */
export function snapshot(planes, lines) {
  const box = planes.getBoundingClientRect();
  const canvases = [...planes.querySelectorAll("canvas")].filter(({ clientWidth }) => clientWidth > 0);
  const ratio = Math.max(...canvases.map(({ width, clientWidth }) => width / clientWidth));
  const made = document.createElement("canvas");
  const pen = /** @type {CanvasRenderingContext2D} */ (made.getContext("2d", { alpha: false }));
  const font = `${LETTERS_PX}px system-ui, sans-serif`;
  pen.font = font;
  const broken = lines.flatMap((text) => breakLine(text, box.width - 2 * MARGIN_PX, (part) => pen.measureText(part).width));
  const bottom = Math.max(...canvases.map((canvas) => canvas.getBoundingClientRect().bottom)) - box.top;
  made.width = Math.round(box.width * ratio);
  made.height = Math.round((bottom + broken.length * LINE_PX + 2 * MARGIN_PX) * ratio);
  pen.scale(ratio, ratio);
  pen.fillStyle = GROUND;
  pen.fillRect(0, 0, made.width, made.height);
  for (const canvas of canvases) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    pen.drawImage(canvas, left - box.left, top - box.top, width, height);
  }
  pen.font = font;
  pen.fillStyle = INK;
  broken.forEach((text, i) => pen.fillText(text, MARGIN_PX, bottom + MARGIN_PX + LETTERS_PX + i * LINE_PX));
  return made;
}

/**
 * A text in lines that are no wider than there is room, broken at spaces where there are some.
 * @param {string} text
 * @param {number} room
 * @param {(part: string) => number} widthOf
 * @returns {string[]}
 */
export function breakLine(text, room, widthOf) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const longer = lines[lines.length - 1] ? `${lines[lines.length - 1]} ${word}` : word;
    if (widthOf(longer) <= room || longer === word) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
