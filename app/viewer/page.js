// @ts-check
// The page: makes the parts that Gradio's components have room for, and connects them with the session.

import { facts } from "./data/facts.js";
import { Example } from "./data/example.js";
import { Memory, visitor } from "./data/memory.js";
import { Transport } from "./data/transport.js";
import { Visit } from "./data/visit.js";
import { thumbnail } from "./draw/thumbnail.js";
import { make } from "./room/elements.js";
import { Fields } from "./room/fields.js";
import { Foot } from "./room/foot.js";
import { makeHeader } from "./room/header.js";
import { Jump } from "./room/jump.js";
import { listenToGenerate } from "./room/keyboard.js";
import { Length } from "./room/length.js";
import { NumbersDialog } from "./room/numbers_dialog.js";
import { Problem } from "./room/problem.js";
import { Reading } from "./room/reading.js";
import { Sex } from "./room/sex.js";
import { Strip } from "./room/strip.js";
import { tabTitle } from "./room/tab.js";
import { Viewer } from "./room/viewer.js";
import { Session } from "./session.js";
import { completeWhenTurnedTo } from "./stand_in.js";
import { removeRun, showRun } from "./visit_runs.js";

/**
 * What app/component.py says of the page.
 * @typedef {object} PageProps
 * @property {import("./display.js").WindowPreset[]} windows
 * @property {string[]} fields      their names, in Gradio's order
 * @property {string} draft_key
 * @property {import("./data/example.js").ExampleProps | null} example
 * @property {string} plotly        where its script is
 * @property {import("./room/header.js").Model} model
 */

/**
 * What the page asks Gradio for.
 * @typedef {object} Host
 * @property {() => void} updateButtons     Generate and Stop shall ask `Page.buttons` again
 * @property {(run: string) => void} drive
 * @property {() => void} generate          as if the button had been pressed
 */

const IN_SIGHT = 0.7; // of the window's height: planes that begin lower are out of sight

export class Page {
  /**
   * @param {PageProps} props
   * @param {Host} host
   * @param {Transport} transport
   */
  constructor({ windows, fields, draft_key: draftKey, example, plotly, model }, host, transport) {
    const tab = new Memory(() => window.sessionStorage);
    this.reading = new Reading();
    this.problem = new Problem();
    this.length = new Length(model);
    this.fields = new Fields(fields, draftKey, tab, transport, (reading) => this.reading.show(reading));
    this.foot = new Foot((kind, button) => this.download(kind, button), () => this.numbers.show());
    const browser = new Memory(() => window.localStorage);
    const { view, element } = new Viewer(windows, this.foot, browser, () => this.facts());
    this.viewer = element;
    this.model = model;
    const standIn = example && new Example(example);
    const visit = new Visit(tab, model.title);
    this.session = new Session(view, this.stage(host, windows), transport, tab, visitor(browser), standIn, visit);
    this.strip = new Strip(visit, {
      show: (run) => showRun(this.session, run),
      remove: (run) => removeRun(this.session, run),
      download: (kind, button, run) => this.download(kind, button, run),
    });
    this.foot.element.before(this.strip.list);
    this.numbers = new NumbersDialog(transport, plotly, () => this.measured(), () => this.facts().fileName);
    this.viewer.append(this.strip.dialog, this.numbers.element);
    this.sex = new Sex();
    listenToGenerate(host.generate);
    /** @type {Record<string, Element>} by the names of app/component.py */
    this.parts = {
      viewer: this.viewer,
      header: makeHeader(model),
      reading: this.reading.element,
      problem: this.problem.element,
      length: this.length.element,
      sex: this.sex.element,
      jump: new Jump(this.viewer, () => this.goToPlanes()).element,
    };
  }

  /**
   * Of the volume that is seen.
   * @returns {import("./data/facts.js").Facts}
   */
  facts() {
    return facts(this.model.title, this.session.known);
  }

  /** What the numbers are of. */
  measured() {
    const run = this.session.shown?.run;
    return run ? [{ name: "This volume", run }] : [];
  }

  /**
   * @param {Host} host
   * @param {PageProps["windows"]} windows
   * @returns {import("./stage.js").Stage}
   */
  stage(host, windows) {
    return {
      say: (status) => this.foot.say(status),
      show: (progress) => this.show(progress),
      explain: (problem) => this.explain(problem),
      busyChanged: host.updateButtons,
      drive: host.drive,
      comeIntoSight: () => this.comeIntoSight(),
      picture: (volume) => thumbnail(volume, windows[0]),
    };
  }

  /** @param {import("./stage.js").Progress} progress */
  show(progress) {
    this.foot.show(progress);
    this.strip?.showAs(this.session.shown?.run ?? null); // the session speaks before there is a strip
    this.numbers?.update(`${progress.state} ${progress.chunks.length}`);
    document.title = tabTitle(progress);
  }

  /** @param {string} problem */
  explain(problem) {
    this.problem.explain(problem);
    this.reading.leaveOut(problem);
  }

  /** Once the viewer is in the document. */
  begin() {
    new ResizeObserver(() => this.fitHeight()).observe(document.body);
    window.addEventListener("pagehide", () => this.session.saveView());
    document.addEventListener("visibilitychange", () => this.session.saveView());
    completeWhenTurnedTo(this.viewer, this.session);
    this.session.resume();
  }

  /**
   * Fields as they are now, and where nobody has changed them, as the draft has them.
   * @type {(now: any[]) => any[]}
   */
  withDraft = (now) => now;

  // What Gradio's events ask for: `values` are those of the fields, and what is returned goes into the components.

  /**
   * The page is loaded: brings the report back, but for the fields that somebody has changed meanwhile. Without a draft
   * nothing is returned, and so nothing is replaced.
   * @param {any[]} values   at the event
   * @param {any[]} written  at the last change, which may have come while the scripts were on their way
   */
  restore(values, written = values) {
    const draft = this.fields.draft();
    this.withDraft = (now) => (draft ? draft.map((kept, i) => (now[i] === values[i] ? kept : now[i])) : now);
    const fields = this.withDraft(written);
    this.change(fields);
    return draft ? fields : [];
  }

  /** @param {any[]} values */
  change(values) {
    this.explain(""); // what was wrong may be right now
    this.fields.changed(values);
    this.length.show(this.fields.named(values).chunks);
  }

  /** @param {any[]} values */
  generate(values) {
    this.session.generate(this.fields.named(values));
  }

  stop() {
    this.session.stop();
  }

  /** Generate, Stop. */
  buttons() {
    const { busy } = this.session;
    return [!busy, busy].map((interactive) => ({ __type__: "update", interactive }));
  }

  /**
   * @param {any[]} _
   * @param {number} most
   */
  newSeed(_, most) {
    return [Math.floor(Math.random() * (most + 1))];
  }

  /**
   * An example or a preset, as the server has it.
   * @param {any[]} _
   * @param {any[]} chosen
   */
  choose(_, chosen) {
    return chosen;
  }

  /**
   * @param {string} kind
   * @param {HTMLButtonElement} button
   * @param {string} [run]  that is shown, if it is not said
   */
  async download(kind, button, run) {
    button.setAttribute("aria-busy", "true");
    const file = await this.session.download(kind, run);
    button.removeAttribute("aria-busy");
    if (file) make("a", "", { href: file.url, download: file.name }).click();
  }

  /** On a narrow page the planes lie below the report: whoever pressed Generate wants to see them. */
  comeIntoSight() {
    const { top } = this.viewer.getBoundingClientRect();
    if (top > IN_SIGHT * window.innerHeight) this.goToPlanes();
  }

  /** To the first plane, with what stands above it if there is room for both. */
  goToPlanes() {
    this.viewer.scrollIntoView({ block: "start" });
    this.viewer.querySelector(".ctv-plane")?.scrollIntoView({ block: "nearest" });
  }

  /** Panel and planes take what is left of the window's height under the header, however long the notice is. */
  fitHeight() {
    const page = /** @type {Element} */ (this.viewer.closest(".ct-page"));
    const top = page.getBoundingClientRect().top + window.scrollY;
    document.documentElement.style.setProperty("--ct-top", `${Math.ceil(top)}px`);
  }
}
