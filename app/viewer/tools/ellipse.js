// @ts-check
// HU and area of an elliptical region.

import { markTool } from "./marking.js";

export const ellipse = markTool("ellipse", {
  key: "e",
  icon: "ellipse",
  label: "Ellipse",
  title: "Ellipse: HU (mean ± standard deviation, least, most) and area; drag from corner to corner of its box",
});
