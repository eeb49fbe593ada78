// @ts-check
// Two lines below the planes: how far the run is; HU under the pointer, downloads, and the numbers.

import { Downloads } from "./downloads.js";
import { make, makeButton } from "./elements.js";

/** @typedef {import("../stage.js").Progress} Progress */

export class Foot {
  /**
   * @param {(kind: string, button: HTMLButtonElement) => void} download
   * @param {{ open: () => void, goOn: () => void, numbers: () => void }} acts  opens a scan; continues the one that is shown; shows numbers
   */
  constructor(download, acts) {
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
    this.downloads = new Downloads(download);
    this.numbers = makeButton("Numbers", "HU histogram, tissues in ml, lung density, change from slice to slice", acts.numbers);
    this.goOn = makeButton("Continue this scan…", "Make a volume that goes on from this scan", acts.goOn);
    this.goOn.hidden = true;
    const open = makeButton("Open scan…", "Open a real scan, or the settings file of a volume; you can also drop them on the page", acts.open);
    const taking = make("div", "ctv-taking", {}, [open, this.goOn, this.numbers, this.downloads.element]);
    this.element = make("div", "ctv-foot", {}, [
      make("div", "ctv-said", {}, [this.progress, this.status, this.detail]),
      make("div", "ctv-under", {}, [this.readout, taking]),
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
    this.downloads.enable(chunks.length > 0, isScan);
    this.numbers.disabled = !chunks.length;
    this.goOn.hidden = !isScan;
    this.goOn.disabled = state !== "finished";
  }
}
