// @ts-check
// A volume as a small picture: its axial slice in the middle of the lungs.

import { midLung } from "../data/lungs.js";
import { Picture, greyTable } from "./picture.js";
import { PLANES, Plane } from "./plane.js";

/** @typedef {import("../data/volume.js").Volume} Volume */

const WIDTH_PX = 64; // twice what is shown, for sharp screens
const QUALITY = 0.7;

/**
 * An address that holds the whole picture.
 * @param {Volume} volume
 * @param {import("./picture.js").GreyWindow} window
 */
export function thumbnail(volume, window) {
  const axial = new Plane(PLANES[0]);
  const picture = new Picture(axial);
  const slice = volume.sliceAxis === axial.through ? volume.positionOf(midLung(volume)) : volume.middle[axial.through];
  picture.draw(volume, slice, greyTable(window));
  const small = document.createElement("canvas");
  small.width = WIDTH_PX;
  small.height = Math.round((WIDTH_PX * picture.canvas.height) / picture.canvas.width);
  const pen = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d", { alpha: false }));
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture.canvas, 0, 0, small.width, small.height);
  return small.toDataURL("image/jpeg", QUALITY);
}
