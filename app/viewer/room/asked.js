// @ts-check
// One kind of question in the tab Ask: what it tells, what it costs, how far it is. What it found is the caller's.

import { make, makeButton, makeNumber } from "./elements.js";

/** @typedef {import("../data/question.js").Answer} Answer */
/** @typedef {import("../data/question.js").Question} Question */

/**
 * @typedef {object} Wording
 * @property {string} title
 * @property {string} words    what the question tells
 * @property {string} press    what the button says
 * @property {string} seeds    what the number counts
 * @property {number} few      the number at first
 * @property {number[]} bounds of the number
 */

const COST_AFTER_MS = 250;

export class Asked {
  /**
   * @param {Question} question
   * @param {Wording} wording
   * @param {() => Record<string, any>} fields  of the report panel, as they are now
   * @param {Element} found                     where its results stand
   */
  constructor(question, { title, words, press, seeds, few, bounds }, fields, found) {
    this.question = question;
    this.fields = fields;
    this.seeds = few;
    this.timer = 0;
    this.latest = 0; // question about the cost
    this.ask = makeButton(press, title, () => this.question.ask(this.fields(), this.seeds));
    this.cost = make("span", "ctv-dim ct-cost", { role: "status" });
    this.number = makeNumber(seeds, seeds, bounds, (value) => this.setSeeds(value));
    this.number.value = String(few);
    this.done = make("div", "ctv-done");
    this.progress = make("div", "ctv-progress", { role: "progressbar", "aria-label": "Progress of the question", "aria-valuemin": "0", "aria-valuemax": "100" }, [this.done]);
    this.status = make("p", "ct-asked-status", { role: "status" });
    this.detail = make("span", "ctv-dim");
    this.element = make("section", `ct-asked ct-asked-${question.kind}`, {}, [
      make("h2", "", { text: title }),
      make("p", "ctv-dim", { text: words }),
      make("label", "ct-seeds", {}, [this.number, seeds]),
      make("div", "ct-ask-row", {}, [this.ask, this.cost]),
      make("div", "ct-asked-said", {}, [this.progress, this.detail]),
      this.status,
      found,
    ]);
  }

  /** @param {number} seeds */
  setSeeds(seeds) {
    this.seeds = seeds;
    this.askCost();
  }

  /** The fields have changed, or the pace is better known. */
  askCost() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.showCost(), COST_AFTER_MS);
  }

  /** A slow answer for earlier fields must not replace that for later ones. */
  async showCost() {
    const number = ++this.latest;
    const latest = () => number === this.latest;
    const asked = { ...this.fields(), kind: this.question.kind, seeds: this.seeds };
    const answer = await this.question.transport.askPatiently("cost", asked, latest, () => {});
    if (!answer || !latest()) return;
    this.cost.textContent = answer.problem ?? answer.words;
    this.cost.classList.toggle("ct-over", Boolean(answer.problem));
  }

  /** @param {boolean} busy  whether the tab waits for something already */
  show(busy) {
    const { answer, problem, running } = this.question;
    this.ask.disabled = busy;
    const status = problem || answer?.status || "";
    if (this.status.textContent !== status) this.status.textContent = status;
    this.detail.textContent = answer?.detail ?? "";
    const said = /** @type {HTMLElement} */ (this.progress.parentElement);
    said.hidden = !running;
    const share = answer?.share ?? 0;
    this.done.style.width = `${100 * share}%`;
    this.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    this.progress.dataset.state = answer?.stopping ? "stopping" : (answer?.state ?? "waiting");
  }
}
