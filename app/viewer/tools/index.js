// @ts-check
// The tools of the left button, in the order of their buttons. Another one is a file and a line here.

import { crosshair } from "./crosshair.js";
import { pan } from "./pan.js";
import { greyWindow } from "./window.js";
import { zoom } from "./zoom.js";

/** @type {import("./tool.js").Tool[]} */
export const TOOLS = [crosshair, greyWindow, pan, zoom];
