// @ts-check
// Gives something to the person: into the clipboard, or as a file.

import { make } from "./elements.js";

export const COPIED = "Copied.";
const NOT_COPIED = "The browser did not allow copying. Save it instead.";

/**
 * Says how it went. A page without https has no clipboard, and a browser may refuse it.
 * @param {string} text
 */
export function copyText(text) {
  return told(() => navigator.clipboard.writeText(text));
}

/**
 * Says how it went.
 * @param {Blob} picture  PNG
 */
export function copyPicture(picture) {
  return told(() => navigator.clipboard.write([new ClipboardItem({ [picture.type]: picture })]));
}

/** @param {() => Promise<void>} copy */
async function told(copy) {
  try {
    await copy();
    return COPIED;
  } catch (error) {
    return NOT_COPIED;
  }
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const href = URL.createObjectURL(blob);
  make("a", "", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href)); // once the click has begun the download
}
