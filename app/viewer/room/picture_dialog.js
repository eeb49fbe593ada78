// @ts-check
// What is seen as a picture, to save or to copy.

import { captionLines } from "../draw/caption.js";
import { snapshot } from "../draw/snapshot.js";
import { alignmentWords } from "../pair_words.js";
import { make, makeButton, makeDialog } from "./elements.js";
import { copyPicture, save } from "./give.js";

/** @typedef {import("../compared.js").Compared} Compared */

export class PictureDialog {
  /**
   * @param {Compared} compared
   * @param {import("./screen.js").Screen} screen  that the picture is of
   * @param {(view: import("../view.js").View) => import("../data/facts.js").Facts} facts  of its volume
   */
  constructor(compared, screen, facts) {
    this.compared = compared;
    this.screen = screen;
    this.facts = facts;
    this.withReport = make("input", "", { type: "checkbox" });
    this.withReport.addEventListener("change", () => this.preview());
    this.said = make("p", "ctv-note", { role: "status" });
    this.shown = make("div", "ctv-preview", { role: "img", "aria-label": "The picture" });
    this.element = makeDialog("Picture", [
      this.shown,
      make("label", "", {}, [this.withReport, "With the report's text"]),
      make("div", "ctv-group", {}, [
        makeButton("Save PNG", "Save the picture as a file", () => this.save()),
        makeButton("Copy", "Copy the picture", () => this.copy()),
      ]),
      this.said,
    ]);
  }

  show() {
    if (!this.compared.a.volume) return;
    this.said.textContent = "";
    this.preview();
    this.element.showModal();
  }

  preview() {
    this.shown.replaceChildren(this.draw());
  }

  /** Runs are often called by words of their reports, so those names are left out with the reports. */
  draw() {
    const { settings } = this.compared.a;
    settings.showsOwnNames = this.withReport.checked;
    this.screen.draw();
    const made = this.takePicture();
    settings.showsOwnNames = true;
    this.screen.draw();
    return made;
  }

  takePicture() {
    const { seen, link } = this.compared;
    const note = link && seen.length > 1 ? alignmentWords(link) : "";
    const lines = captionLines(seen, this.facts, this.withReport.checked, note);
    return snapshot(this.screen.planes, lines);
  }

  /** @returns {Promise<Blob>} */
  async blob() {
    const canvas = this.draw();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the browser has made no picture"); // it may where there is no memory
    return blob;
  }

  async save() {
    save(await this.blob(), `${this.compared.seen.map((view) => this.facts(view).fileName).join("-and-")}.png`);
  }

  async copy() {
    this.said.textContent = await copyPicture(await this.blob());
  }
}
