// @ts-check
// All marks of the volume in a table: to go to, to delete, to copy, to save.

import { asCsv, asText, place } from "../data/table.js";
import { words } from "../data/measure.js";
import { goTo } from "../tools/marking.js";
import { make, makeButton, makeDialog } from "./elements.js";
import { copyText, save } from "./give.js";

/** @typedef {import("../data/marks.js").Mark} Mark */
/** @typedef {import("../data/volume.js").Volume} Volume */
/** @typedef {import("../view.js").View} View */

export class MarksDialog {
  /**
   * @param {View} view
   * @param {(view: View) => import("../data/facts.js").Facts} facts  of its volume
   */
  constructor(view, facts) {
    this.view = view;
    this.facts = facts;
    this.body = make("tbody");
    this.said = make("p", "ctv-note", { role: "status" });
    const heads = ["Kind", "Where", "Measured", "Actions"].map((text) => make("th", "", { text, scope: "col" }));
    this.element = makeDialog("Marks", [
      make("div", "ctv-scroll", { tabindex: "0", role: "region", "aria-label": "All marks" }, [
        make("table", "ctv-marks", {}, [make("thead", "", {}, [make("tr", "", {}, heads)]), this.body]),
      ]),
      make("div", "ctv-group", {}, [
        makeButton("Copy", "Copy all as text, a line each", () => this.copy()),
        makeButton("Save CSV", "Save all as a table", () => this.save()),
        makeButton("Delete all", "Delete all marks of this volume", () => this.deleteAll()),
      ]),
      this.said,
    ]);
    this.element.classList.add("ctv-side");
  }

  show() {
    this.view = this.view.settings.activeView;
    if (!this.view.volume) return;
    this.said.textContent = "";
    this.describe(this.view.volume);
    this.element.showModal();
  }

  /** @param {Volume} volume */
  describe(volume) {
    this.body.replaceChildren(...volume.marks.list.map((mark) => this.makeRow(volume, mark)));
  }

  /**
   * @param {Volume} volume
   * @param {Mark} mark
   */
  makeRow(volume, mark) {
    const { plane, slice } = place(volume, mark);
    const kind = mark.kind === "hu" ? "HU" : mark.kind;
    const go = makeButton("Show", `Go to this ${kind}`, () => {
      goTo(this.view, mark);
      this.element.close();
    });
    const remove = makeButton("Delete", `Delete this ${kind}`, () => {
      volume.marks.remove(mark);
      this.view.changed();
      this.describe(volume);
    });
    const cells = [kind, `${plane} ${slice}`, words(volume, mark).join("\n")].map((text) => make("td", "", { text }));
    return make("tr", "", {}, [...cells, make("td", "", {}, [go, remove])]);
  }

  async copy() {
    const { volume } = this.view;
    if (volume) this.said.textContent = await copyText(asText(volume, this.facts(this.view).name));
  }

  save() {
    const { volume } = this.view;
    if (volume) save(new Blob([asCsv(volume, this.facts(this.view).name)], { type: "text/csv" }), `${this.facts(this.view).fileName}-marks.csv`);
  }

  deleteAll() {
    const { volume } = this.view;
    if (!volume) return;
    volume.marks.restore([]);
    this.view.changed();
    this.describe(volume);
  }
}
