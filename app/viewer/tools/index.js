// @ts-check
// The tools of the left button, in the order of their buttons. Another one is a file and a line here.

import { angle } from "./angle.js";
import { crosshair } from "./crosshair.js";
import { ellipse } from "./ellipse.js";
import { hu } from "./hu.js";
import { length } from "./length.js";
import { pan } from "./pan.js";
import { greyWindow } from "./window.js";
import { zoom } from "./zoom.js";

/** @type {import("./tool.js").Tool[]} */
export const TOOLS = [crosshair, greyWindow, pan, zoom, length, angle, ellipse, hu];
