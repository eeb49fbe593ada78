// @ts-check
// Asked, read, found: for each finding what the report says, what the model read, and what its judges see.

import { make, makeButton, makeDialog } from "./elements.js";

/** @typedef {import("../data/transport.js").Transport} Transport */

const LOOKING = "Looking into the volume …";
const PATIENCE_MS = 300000; // an image tower may be slow, and waits for the step that is being made
const NO_ANSWER = "The server did not answer in time. Try again.";
const EXPLAINED =
  "Each column may be wrong: side by side they show where a finding was lost. Beside a verdict stands how often its judge sees what is there, and what is not.";

export class FoundDialog {
  /** @param {Transport} transport */
  constructor(transport) {
    this.transport = transport;
    this.status = make("p", "", { role: "status" });
    this.table = make("table", "ct-found-table");
    this.element = makeDialog("Asked, read, found", [
      make("h2", "", { text: "Asked, read, found" }),
      make("p", "ctv-dim", { text: EXPLAINED }),
      make("div", "ctv-scroll", { tabindex: "0", role: "region", "aria-label": "What was compared" }, [this.table]),
      this.status,
    ]);
    this.run = "";
    this.asked = ""; // the run that the dialog tells of
    this.open = makeButton("Compare findings", "What the report asks for, what was read, and what is seen", () => this.ask(this.run));
    this.words = make("p", "ctv-dim");
    this.section = make("section", "ct-asked", {}, [
      make("h2", "", { text: "Asked, read, found" }),
      make("p", "ctv-dim", { text: "For each finding: what the report of the volume shown says, what the model read, and what is seen in the volume." }),
      make("div", "ct-ask-row", {}, [this.open, this.words]),
    ]);
  }

  /** @param {string | null} run  that is shown and has slices */
  show(run) {
    this.run = run ?? "";
    this.open.disabled = !run;
  }

  /** @param {string} run */
  async ask(run) {
    this.asked = run;
    this.table.replaceChildren();
    this.status.textContent = LOOKING;
    this.element.showModal();
    const answer = await this.transport.ask("found", { run }, PATIENCE_MS);
    if (run !== this.asked) return; // another volume was asked about meanwhile
    if (!answer || answer.problem) this.status.textContent = answer?.problem ?? NO_ANSWER;
    else this.fill(answer);
  }

  /** @param {{ columns: string[], rows: string[][], note: string }} found */
  fill({ columns, rows, note }) {
    const head = make("tr", "", {}, columns.map((text) => make("th", "", { text, scope: "col" })));
    const body = rows.map(([finding, ...cells]) =>
      make("tr", "", {}, [make("th", "", { text: finding, scope: "row" }), ...cells.map((text) => make("td", "", { text }))]),
    );
    this.table.replaceChildren(make("thead", "", {}, [head]), make("tbody", "", {}, body));
    this.status.textContent = rows.length ? note : `Nobody speaks of a finding. ${note}`.trim();
  }
}
