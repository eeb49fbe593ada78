// @ts-check
// The angle between two lines that meet.

import { markTool } from "./marking.js";

export const angle = markTool("angle", {
  key: "a",
  icon: "angle",
  label: "Angle",
  title: "Angle: drag from one end to the vertex, then click the other end; or click all three",
});
