// @ts-check
// The tab Ask: questions about the report and about the volume that is shown.

import { Pictures } from "../data/pictures.js";
import { Question } from "../data/question.js";
import { Asked } from "./asked.js";
import { make } from "./elements.js";
import { FoundDialog } from "./found_dialog.js";
import { GoingOn } from "./going_on.js";
import { SeedGrid } from "./seed_grid.js";
import { EffectRows } from "./effect_rows.js";

/** @typedef {import("../session.js").Session} Session */
/** @typedef {import("../data/question.js").Answer} Answer */

/**
 * What the tab needs of the page.
 * @typedef {object} Desk
 * @property {() => Record<string, any>} fields    of the report panel, as they are now
 * @property {(run: string) => void} drive
 * @property {() => void} busyChanged
 * @property {(share: number | null) => void} showShare  how far a question is
 * @property {(run: string) => void} show
 * @property {(a: string, b: string) => void} compare    shows how B differs from A
 * @property {(path: string, name: string) => void} give
 * @property {(problem: string) => void} explain
 * @property {(volume: import("../data/volume.js").Volume, window: GreyWindow) => string} picture
 */

/** @typedef {import("../display.js").GreyWindow} GreyWindow */

const SENTENCES = {
  title: "What did each sentence do?",
  words:
    "Makes the report of the tab Report, and then again without each of its sentences, with the same seed. Other seeds of the whole report tell how much changes by chance.",
  press: "Compare sentences",
  seeds: "other seeds, for chance",
  few: 3,
  bounds: [1, 16],
};
const SEEDS = {
  title: "What do other seeds change?",
  words: "Makes the report of the tab Report with several seeds: what the volumes share is what the report fixes, and where they differ is what it leaves open.",
  press: "Compare seeds",
  seeds: "seeds in all",
  few: 4,
  bounds: [2, 16],
};
const DEVIATION = { width: 400, level: 200 }; // it begins at 0 HU, which is black then
const WINDOW_KEY = "ctflow-window-before"; // the standard deviation was shown
const NO_FILE = "The file did not come. Check the connection and try again.";

export class Ask {
  /**
   * @param {Session} session
   * @param {Desk} desk
   * @param {{ slices_per_chunk: number, max_chunks: number }} model
   */
  constructor(session, desk, model) {
    this.session = session;
    this.desk = desk;
    const { transport, memory, visitor } = session;
    const ask = (/** @type {string} */ kind) => new Question(kind, transport, memory, visitor, desk.drive);
    this.sentences = ask("ablate");
    this.seeds = ask("seeds");
    this.pictures = new Pictures(transport, (volume, name) => desk.picture(volume, this.windowOf(name)));
    this.rows = new EffectRows({ compare: desk.compare, save: (kind, button, number) => this.save(kind, button, number) });
    this.grid = new SeedGrid(desk.show, (run, name) => this.pictures.of(run, name));
    this.found = new FoundDialog(transport);
    this.goingOn = new GoingOn(model.slices_per_chunk, model.max_chunks, (place, wish) => this.goOn(place, wish));
    this.asked = [
      new Asked(this.sentences, SENTENCES, desk.fields, this.rows.element),
      new Asked(this.seeds, SEEDS, desk.fields, this.grid.element),
    ];
    const [sentences, seeds] = this.asked.map(({ element }) => element);
    this.element = make("div", "ct-ask-parts", {}, [sentences, seeds, this.goingOn.element, this.found.section]);
    this.wasBusy = false; // of the whole tab of the browser
    this.saidBusy = false; // of the questions
    for (const question of this.questions) question.changed = () => this.update();
  }

  get questions() {
    return [this.sentences, this.seeds];
  }

  /** Whether there is something to stop. */
  get busy() {
    return this.questions.some(({ running }) => running);
  }

  resume() {
    for (const question of this.questions) question.resume();
    this.update();
  }

  stop() {
    for (const question of this.questions) question.stop();
  }

  /** The fields have changed, or the tab was opened. */
  askCosts() {
    for (const asked of this.asked) asked.askCost();
  }

  /** Something of a question, or the volume that is shown, has changed. */
  update() {
    const busy = this.busy || this.session.busy;
    const shown = this.session.viewed;
    for (const asked of this.asked) asked.show(busy);
    this.rows.show(this.sentences.answer, shown);
    this.grid.show(this.seeds.answer, shown);
    this.placeChanged();
    this.fitWindow();
    const running = this.questions.find((question) => question.running);
    this.desk.showShare(running ? (running.answer?.share ?? 0) : null);
    if (this.wasBusy && !busy) this.askCosts(); // the pace is better known now
    this.wasBusy = busy;
    if (this.busy === this.saidBusy) return;
    this.saidBusy = this.busy;
    this.desk.busyChanged();
  }

  /** Another slice is shown, or another volume. */
  placeChanged() {
    const { shown, view, viewed } = this.session;
    const { volume, point } = view;
    const manifest = shown?.manifest;
    const isThere = Boolean(volume && manifest && !manifest.is_scan && shown?.run === viewed && manifest.chunks.length);
    this.found.show(isThere ? viewed : null);
    if (!isThere || !volume || !manifest || !viewed) return this.goingOn.show(null, true);
    const slices = manifest.chunks.reduce((sum, chunk) => sum + chunk.slices, 0);
    const slice = volume.indexOf(volume.sliceAxis, point[volume.sliceAxis]);
    this.goingOn.show({ run: viewed, state: manifest.state, slices, slice }, this.busy || this.session.busy);
  }

  /**
   * @param {import("./going_on.js").Place} place
   * @param {import("./going_on.js").Wish} wish
   */
  goOn({ run }, { edited, keep, chunks, kept }) {
    const now = this.desk.fields();
    const before = this.fieldsOf(run) ?? now;
    const { findings, impression, sex, age } = edited ? now : before;
    const told = { ...before, findings, impression, sex, age, chunks: chunks ?? before.chunks, kept };
    const report = edited ? { findings, impression, sex, age } : {};
    this.session.generate(told, { ...report, run_before: run, keep, chunks });
  }

  /**
   * What a volume was asked for with, be it a run of this visit or a volume of a question, which has a seed of its own.
   * @param {string} run
   */
  fieldsOf(run) {
    const { visit, feeds } = this.session;
    const known = visit.find(run)?.fields;
    if (known) return known;
    const asked = this.questions.map((question) => question.fieldsOf(run)).find(Boolean);
    return asked && { ...asked, seed: feeds.get(run)?.manifest?.seed ?? asked.seed };
  }

  /** A standard deviation has a window of its own; whatever is shown after it has the one from before. */
  fitWindow() {
    const { viewed, memory, view: { display } } = this.session;
    if (!viewed) return; // a reload brings the volume back first, and its window with it
    const isDeviation = viewed === this.seeds.answer?.spread?.deviation?.run;
    const before = memory.recall(WINDOW_KEY);
    if (isDeviation === Boolean(before)) return;
    memory.remember(WINDOW_KEY, isDeviation ? display.window : null);
    display.setWindow(isDeviation ? DEVIATION : before);
  }

  /** @param {string} name */
  windowOf(name) {
    return name === "deviation" ? DEVIATION : this.session.view.display.builtIn[0];
  }

  /**
   * @param {"table" | "map"} kind
   * @param {HTMLButtonElement} button
   * @param {number} [number]
   */
  async save(kind, button, number) {
    button.setAttribute("aria-busy", "true");
    const file = await this.session.transport.ask("answer", { question: this.sentences.answer?.question, kind, number });
    button.removeAttribute("aria-busy");
    this.desk.explain(file ? (file.problem ?? "") : NO_FILE);
    if (file?.path) this.desk.give(file.path, file.name);
  }
}
