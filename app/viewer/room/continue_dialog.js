// @ts-check
// Continues the scan that is shown: what stays of it, and what the rest is made from.

import { make, makeButton, makeDialog, makeNumber } from "./elements.js";

/** @typedef {{ mode: string, head: number, kept: string }} Wish  `head`: chunks; `kept`: what stays, in words */

const WHAT = "The model makes the rest from the report and the settings of the tab Report; their length is that of the whole volume. Of a scan longer than the model's longest volume, the middle is used. Slices are counted from the end where the model's volumes begin, which may be the scan's last slice.";
const CARE = "The result is synthetic and not for diagnosis, but its first slices show a real patient.";

export class ContinueDialog {
  /**
   * @param {import("./header.js").Model} model
   * @param {(wish: Wish) => void} goOn
   */
  constructor({ slices_per_chunk: perChunk, max_chunks: most }, goOn) {
    this.perChunk = perChunk;
    this.goOn = goOn;
    this.head = 1;
    this.number = makeNumber("Chunks of the scan that stay", `Chunks of ${perChunk} slices`, [1, most - 1], (value) => {
      this.head = value;
      this.describe();
    });
    this.number.value = "1";
    this.slices = make("span", "ctv-dim");
    this.headChoice = make("input", "", { type: "radio", name: "mode", value: "gt-head" });
    this.headChoice.checked = true;
    const nextChoice = make("input", "", { type: "radio", name: "mode", value: "next-block" });
    this.element = makeDialog("Continue this scan", [
      make("h2", "", { text: "Continue this scan" }),
      make("p", "", { text: WHAT }),
      make("label", "", {}, [this.headChoice, "Keep its first chunks, and go on from there (gt-head)"]),
      make("label", "ctv-indented", {}, [this.number, this.slices]),
      make("label", "", {}, [nextChoice, "Make each chunk from the scan's own chunk before it (next-block)"]),
      make("p", "ctv-note", { text: CARE }),
      makeButton("Continue", "Make the volume that goes on from this scan", () => this.ask()),
    ]);
    this.element.classList.add("ctv-open");
    this.describe();
  }

  describe() {
    this.slices.textContent = `chunks, which are its first ${this.head * this.perChunk} slices`;
  }

  ask() {
    const isHead = this.headChoice.checked;
    const slices = (isHead ? this.head : 1) * this.perChunk;
    this.element.close();
    const kept = isHead ? `the first ${slices} slices of a scan` : "each chunk from a scan's chunk before it";
    this.goOn({ mode: isHead ? "gt-head" : "next-block", head: isHead ? this.head : 1, kept });
  }
}
