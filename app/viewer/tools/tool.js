// @ts-check
// What a tool is. Each one is an object in a file of its own; index.js lists them.

/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../draw/pen.js").Pen} Pen */
/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */

/**
 * A pointer that is held down over a plane, in CSS pixels from the canvas's top left corner.
 * @typedef {object} Drag
 * @property {View} view
 * @property {Plane} plane
 * @property {Volume} volume
 * @property {number} x
 * @property {number} y
 * @property {number} dx  since the last move
 * @property {number} dy
 */

/**
 * Returns whether the key meant something.
 * @typedef {(event: KeyboardEvent, plane: Plane, view: View) => boolean} Press
 */

/**
 * Keys that do something, whichever tool is chosen.
 * @typedef {object} Shortcut
 * @property {string} keys     as the table of keys shows them
 * @property {string} meaning
 * @property {Press} [press]   missing where the mouse does it
 */

/**
 * @typedef {object} Tool
 * @property {string} name         a tab remembers the tool by it
 * @property {string} key          chooses it
 * @property {string} label        of its button
 * @property {string} [icon]       on its button, instead of the label (room/icons.js)
 * @property {string} title        says what a drag does
 * @property {string} cursor       CSS
 * @property {boolean} [swipeScrolls] whether one finger scrolls through the slices instead of dragging
 * @property {number} [button]     the mouse button that drags with it, whichever tool is chosen
 * @property {Shortcut[]} shortcuts
 * @property {(drag: Drag) => void} [start]  the pointer goes down
 * @property {(drag: Drag) => void} drag     it moves
 * @property {(drag: Drag) => void} [end]    it goes up
 * @property {(drag: Drag) => void} [hover]  it moves without being held down
 * @property {import("../data/marks.js").Kind} [kind]  of the marks that it makes
 * @property {(pen: Pen, plane: Plane, volume: Volume, view: View) => void} [draw]  on every plane, whether chosen or not
 */

const ARROWS = new Map([["ArrowUp", [0, -1]], ["ArrowDown", [0, 1]], ["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]]]);

/**
 * The direction of an arrow key to the right and down, or null for another key.
 * @param {string} key
 */
export function arrow(key) {
  return ARROWS.get(key) ?? null;
}
