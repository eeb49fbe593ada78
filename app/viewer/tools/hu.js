// @ts-check
// HU of one voxel.

import { markTool } from "./marking.js";

export const hu = markTool("hu", { key: "h", label: "HU", title: "HU of a voxel: click it" });
