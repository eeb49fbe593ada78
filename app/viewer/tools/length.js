// @ts-check
// How far two points lie apart.

import { markTool } from "./marking.js";

export const length = markTool("length", {
  key: "l",
  icon: "length",
  label: "Length",
  title: "Length in mm: drag, or click both ends",
});
