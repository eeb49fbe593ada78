// @ts-check
// Two lines below the planes: how far the run is; HU under the pointer, and downloads.

import { make, makeButton, makeGroup } from "./elements.js";

/** @typedef {import("../stage.js").Progress} Progress */

export class Foot {
  /**
   * @param {(kind: string, button: HTMLButtonElement) => void} download
   * @param {{ open: () => void, goOn: () => void }} scans  opens one; continues the one that is shown
   */
  constructor(download, scans) {
    this.done = make("div", "ctv-done");
    this.progress = make(
      "div",
      "ctv-progress",
      { role: "progressbar", "aria-label": "Generation", "aria-valuemin": "0", "aria-valuemax": "100" },
      [this.done],
    );
    this.status = make("p", "ctv-status", { "aria-live": "polite", role: "status" });
    this.detail = make("p", "ctv-detail");
    this.readout = make("output", "ctv-readout", { "aria-label": "Under the pointer, or else at the crosshair" });
    this.nifti = makeButton(
      "Download NIfTI",
      "The slices made so far as a .nii.gz; an unfinished volume says so in its name",
      () => download("nifti", this.nifti),
    );
    this.sidecar = makeButton(
      "Settings (JSON)",
      "Report, seed and settings: with them the command line makes this volume again",
      () => download("sidecar", this.sidecar),
    );
    this.goOn = makeButton("Continue this scan…", "Make a volume that goes on from this scan", scans.goOn);
    this.goOn.hidden = true;
    const open = makeButton("Open scan…", "Open a real scan, or the settings file of a volume; you can also drop them on the page", scans.open);
    const downloads = makeGroup("Files", [open, this.nifti, this.sidecar, this.goOn]);
    this.element = make("div", "ctv-foot", {}, [
      make("div", "ctv-said", {}, [this.progress, this.status, this.detail]),
      make("div", "", {}, [this.readout, downloads]),
    ]);
  }

  /**
   * Says one line. The same words are not set again, because a screen reader speaks every change.
   * @param {string} status
   * @param {string} detail  changes often, and is not spoken
   */
  say(status, detail = "") {
    if (this.status.textContent !== status) this.status.textContent = status;
    this.detail.textContent = detail;
  }

  /** @param {Progress} progress */
  show({ state, stopping, status, detail, share, chunks, is_scan: isScan = false }) {
    this.say(status, detail);
    this.done.style.width = `${100 * share}%`;
    this.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    this.progress.dataset.state = stopping ? "stopping" : state;
    this.nifti.disabled = this.sidecar.disabled = !chunks.length;
    this.sidecar.hidden = isScan; // it was not made from any
    this.goOn.hidden = !isScan;
    this.goOn.disabled = state !== "finished";
  }
}
