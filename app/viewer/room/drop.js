// @ts-check
// Files that are dropped anywhere on the page, and where one sees that they may be.

import { make } from "./elements.js";

const MOST_FILES = 6000; // more than a scan may have: then the server says so
const HERE = "Drop a scan (NIfTI, NRRD, MHA, DICOM files, a folder or a zip) or a settings file (JSON) to open it";

/** @param {(files: File[] | null) => void} open  with null where a file or folder cannot be read */
export function listenToDrop(open) {
  const target = make("div", "ctv-drop", { hidden: "", "aria-hidden": "true" }, [make("p", "", { text: HERE })]);
  document.body.append(target);
  let inside = 0; // elements that the files are over: one is entered before the other is left
  const show = (/** @type {number} */ count) => {
    inside = Math.max(0, count);
    target.hidden = inside === 0;
  };
  /** @type {(type: string, act: (event: DragEvent) => void) => void} */
  const listen = (type, act) =>
    document.addEventListener(
      type,
      (event) => {
        const drag = /** @type {DragEvent} */ (event);
        if (!drag.dataTransfer?.types.includes("Files")) return; // text that is dragged is none of ours
        event.preventDefault(); // else the browser leaves the page for the file
        event.stopPropagation();
        act(drag);
      },
      true,
    );
  listen("dragenter", () => show(inside + 1));
  listen("dragleave", () => show(inside - 1));
  listen("dragover", ({ dataTransfer }) => dataTransfer && (dataTransfer.dropEffect = "copy"));
  listen("drop", async ({ dataTransfer }) => {
    show(0);
    if (dataTransfer) open(await filesOf(dataTransfer).catch(() => null));
  });
}

/**
 * All files, those in folders too.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  /** @type {File[]} */
  const files = [];
  for (const entry of entries) if (entry) await walk(entry, files);
  return files;
}

/**
 * @param {FileSystemEntry} entry
 * @param {File[]} files
 */
async function walk(entry, files) {
  if (files.length > MOST_FILES) return;
  if (entry.isFile) {
    files.push(await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject)));
    return;
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) return;
    for (const one of some) await walk(one, files);
  }
}
