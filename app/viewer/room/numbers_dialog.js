// @ts-check
// The numbers of what is shown: charts, a table of what stands in them, and all of it as CSV. The server makes them
// from HU; Plotly draws them, and comes when the dialog is opened for the first time.

import { loadPlotly } from "../data/plotly.js";
import { AblationTable } from "./ablation_table.js";
import { make, makeButton, makeDialog } from "./elements.js";
import { save } from "./give.js";

/** @typedef {import("../data/transport.js").Transport} Transport */
/** @typedef {import("../data/question.js").Answer} Answer  to what each sentence did */
/** @typedef {import("../measured.js").Measured} Measured */
/** @typedef {{ title: string, words: string, figure: { data: object[], layout: object } }} Chart */
/** @typedef {{ columns: string[], rows: string[][] }} Table */

const CONFIG = { displayModeBar: false, responsive: true };
const MEASURING = "Measuring …";
const LOST = "The numbers did not arrive. Check the connection, close this and open it again.";
const ABOUT =
  "From HU alone: the body is what has tissue around it in its slice. Gas in airways and bowel counts as lung; calcium " +
  "and contrast count as bone.";

export class NumbersDialog {
  /**
   * @param {Transport} transport
   * @param {string} plotly  where its script is, below the page's address
   * @param {() => Measured[]} shown  what is to be measured
   * @param {() => string} fileName   of the CSV, without its ending
   * @param {() => Answer | null} ablation
   */
  constructor(transport, plotly, shown, fileName, ablation) {
    this.transport = transport;
    this.plotly = plotly;
    this.shown = shown;
    this.fileName = fileName;
    this.ablation = ablation;
    this.csv = "";
    this.known = ""; // what the numbers that are shown are of
    this.said = make("p", "ctv-note", { role: "status" });
    this.charts = [0, 1, 2].map(() => new ChartBox());
    this.table = make("table", "ctv-numbers-table");
    this.sentences = new AblationTable();
    this.save = makeButton("Save CSV", "Save all numbers, those of the charts too, as a table", () => this.saveCsv());
    const values = make("div", "ctv-values", {}, [this.table, make("p", "ctv-note", { text: ABOUT })]);
    const [first, ...rest] = this.charts.map(({ element }) => element);
    const head = make("div", "ctv-numbers-head", {}, [make("h2", "", { text: "Numbers" }), this.said, this.save]);
    this.element = makeDialog("Numbers", [head, make("div", "ctv-numbers-body", {}, [first, values, ...rest, this.sentences.element])]);
    this.element.classList.add("ctv-numbers");
    head.append(/** @type {Element} */ (this.element.lastElementChild)); // Close, at hand wherever one has scrolled to
  }

  show() {
    this.known = "";
    this.element.showModal();
    this.update();
  }

  /** What is shown may have more slices than before, or be another run. */
  async update() {
    if (!this.element.open) return;
    this.sentences.show(this.ablation());
    const runs = this.shown();
    const wanted = JSON.stringify(runs);
    if (!runs.length || wanted === this.known) return;
    this.known = wanted;
    this.say(MEASURING);
    const [answer, plotly] = await Promise.all([
      this.transport.ask("numbers", { runs }),
      loadPlotly(`${this.transport.root}/${this.plotly}`).catch(() => null),
    ]);
    if (this.known !== wanted) return; // there is something newer
    if (!answer || answer.problem || !plotly) return this.say(answer?.problem ?? LOST);
    this.fill(answer, plotly);
    this.say(answer.status);
  }

  /**
   * @param {{ charts: Chart[], table: Table, csv: string }} numbers  as the server answers (app/numbers.py)
   * @param {any} plotly
   */
  fill({ charts, table, csv }, plotly) {
    this.csv = csv;
    this.save.disabled = false;
    this.charts.forEach((box, i) => box.draw(charts[i], plotly));
    fillTable(this.table, table);
  }

  /** @param {string} words */
  say(words) {
    this.said.textContent = words;
  }

  saveCsv() {
    save(new Blob([this.csv], { type: "text/csv" }), `${this.fileName()}-numbers.csv`);
  }
}

class ChartBox {
  constructor() {
    this.title = make("h3");
    this.words = make("p", "ctv-note");
    this.chart = make("div", "ctv-chart", { role: "img" });
    this.element = make("figure", "", {}, [make("figcaption", "", {}, [this.title, this.words]), this.chart]);
  }

  /**
   * @param {Chart} chart
   * @param {any} plotly
   */
  draw({ title, words, figure }, plotly) {
    this.title.textContent = title;
    this.words.textContent = words;
    this.chart.setAttribute("aria-label", `${title}. ${words}`);
    plotly.react(this.chart, figure.data, figure.layout, CONFIG);
  }
}

/**
 * @param {HTMLTableElement} element
 * @param {Table} table
 */
function fillTable(element, { columns, rows }) {
  const head = make("tr", "", {}, columns.map((text) => make("th", "", { text, scope: "col" })));
  const lines = rows.map(([name, ...values]) =>
    make("tr", "", {}, [make("th", "", { text: name, scope: "row" }), ...values.map((text) => make("td", "", { text }))]),
  );
  element.replaceChildren(make("thead", "", {}, [head]), make("tbody", "", {}, lines));
}
