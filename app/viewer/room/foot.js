// @ts-check
// Two lines below the planes: how far the run is; HU under the pointer, downloads, and the numbers.

import { Downloads } from "./downloads.js";
import { make, makeButton } from "./elements.js";

/** @typedef {import("../stage.js").Progress} Progress */

export class Foot {
  /**
   * @param {(kind: string, button: HTMLButtonElement) => void} download
   * @param {() => void} showNumbers
   */
  constructor(download, showNumbers) {
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
    this.numbers = makeButton("Numbers", "HU histogram, tissues in ml, lung density, change from slice to slice", showNumbers);
    this.element = make("div", "ctv-foot", {}, [
      make("div", "ctv-said", {}, [this.progress, this.status, this.detail]),
      make("div", "ctv-under", {}, [this.readout, make("div", "ctv-taking", {}, [this.downloads.element, this.numbers])]),
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
  show({ state, stopping, status, detail, share, chunks }) {
    this.say(status, detail);
    this.done.style.width = `${100 * share}%`;
    this.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    this.progress.dataset.state = stopping ? "stopping" : state;
    this.downloads.enable(chunks.length > 0);
    this.numbers.disabled = !chunks.length;
  }
}
