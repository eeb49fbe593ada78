// @ts-check
// The page: makes the parts that Gradio's components have room for, and connects them with the session.

import { facts } from "./data/facts.js";
import { Example } from "./data/example.js";
import { Memory, visitor } from "./data/memory.js";
import { Transport } from "./data/transport.js";
import { Visit } from "./data/visit.js";
import { thumbnail } from "./draw/thumbnail.js";
import { Form } from "./form.js";
import { measured } from "./measured.js";
import { Opening } from "./opening.js";
import { showPair } from "./pair.js";
import { Ask } from "./room/ask.js";
import { ContinueDialog } from "./room/continue_dialog.js";
import { listenToDrop } from "./room/drop.js";
import { make } from "./room/elements.js";
import { Foot } from "./room/foot.js";
import { makeHeader } from "./room/header.js";
import { Jump } from "./room/jump.js";
import { listenToGenerate } from "./room/keyboard.js";
import { Length } from "./room/length.js";
import { NumbersDialog } from "./room/numbers_dialog.js";
import { OpenDialog } from "./room/open_dialog.js";
import { Problem } from "./room/problem.js";
import { ReportPanel } from "./room/report.js";
import { Sex } from "./room/sex.js";
import { Strip } from "./room/strip.js";
import { tabTitle } from "./room/tab.js";
import { Tabs } from "./room/tabs.js";
import { Viewer } from "./room/viewer.js";
import { Session } from "./session.js";
import { comeIntoSight, fitHeight, goToPlanes } from "./sight.js";
import { completeWhenTurnedTo } from "./stand_in.js";
import { View } from "./view.js";
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
 * @property {() => void} fill              the fields shall ask `Form.filled` for their values
 */

export class Page {
  /**
   * @param {PageProps} props
   * @param {Host} host
   * @param {Transport} transport
   */
  constructor({ windows, fields, draft_key: draftKey, example, plotly, model }, host, transport) {
    const tab = new Memory(() => window.sessionStorage);
    this.report = new ReportPanel(fields, draftKey, tab, transport, (problem) => this.explain(problem));
    this.form = new Form(this.report, (fields) => this.changed(fields), host.fill);
    this.problem = new Problem();
    this.length = new Length(model);
    this.foot = new Foot((kind, button) => this.download(kind, button), {
      open: () => this.openDialog.show(),
      goOn: () => this.continueDialog.element.showModal(),
      numbers: () => this.numbers.show(),
    });
    const browser = new Memory(() => window.localStorage);
    this.model = model;
    const standIn = example && new Example(example);
    const visit = new Visit(tab, model.title);
    const stage = this.stage(host, windows);
    this.session = new Session(new View(windows), stage, transport, tab, visitor(browser), standIn, visit);
    const { pair } = this.session;
    this.viewer = new Viewer(pair, this.foot, browser, (view) => this.facts(view)).element;
    this.strip = new Strip(visit, {
      show: (run) => showRun(this.session, run),
      hold: (run) => (run === pair.run ? pair.close() : pair.hold(run)),
      remove: (run) => removeRun(this.session, run),
      renamed: () => pair.update(),
      download: (kind, button, run) => this.download(kind, button, run),
    });
    this.strip.follow(this.session.feeds);
    pair.changed = () => this.showRuns();
    this.foot.element.before(this.strip.list);
    const fileName = () => this.facts(this.session.view).fileName;
    const ablation = () => this.ask.sentences.answer;
    this.numbers = new NumbersDialog(transport, plotly, () => measured(this.session), fileName, ablation);
    this.opening = new Opening(this.session, (values) => this.form.fill(values));
    this.openDialog = new OpenDialog(this.opening);
    this.continueDialog = new ContinueDialog(model, (wish) => this.continueScan(wish));
    this.viewer.append(this.strip.dialog, this.numbers.element, this.openDialog.element, this.continueDialog.element);
    this.tabs = new Tabs(tab);
    this.ask = new Ask(this.session, this.desk(host), model);
    this.tabs.changed = () => this.ask.askCosts();
    this.viewer.append(this.ask.found.element);
    follow(this.session.view, () => this.ask.placeChanged());
    this.sex = new Sex();
    listenToGenerate(host.generate);
    /** @type {Record<string, Element>} by the names of app/component.py */
    this.parts = {
      viewer: this.viewer,
      header: makeHeader(model),
      reading: this.report.reading.element,
      problem: this.problem.element,
      length: this.length.element,
      tabs: this.tabs.element,
      ask: this.ask.element,
      sex: this.sex.element,
      jump: new Jump(this.viewer, () => goToPlanes(this.viewer)).element,
    };
  }

  /**
   * Of a view's volume.
   * @param {View} view
   * @returns {import("./data/facts.js").Facts}
   */
  facts(view) {
    const { session } = this;
    return facts(this.model.title, view === session.view ? session.known : session.pair.known);
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
      busyChanged: () => {
        host.updateButtons();
        this.ask?.update();
      },
      drive: host.drive,
      comeIntoSight: () => comeIntoSight(this.viewer),
      picture: (volume) => thumbnail(volume, windows[0]),
    };
  }

  /**
   * What the tab Ask needs of the page.
   * @param {Host} host
   * @returns {import("./room/ask.js").Desk}
   */
  desk(host) {
    return {
      fields: () => this.report.fields.now,
      drive: host.drive,
      busyChanged: host.updateButtons,
      showShare: (share) => this.tabs.showShare(share),
      show: (run) => {
        this.session.pair.setMode("alone");
        showRun(this.session, run);
        comeIntoSight(this.viewer);
      },
      compare: (a, b) => {
        showPair(this.session, a, b, "difference");
        comeIntoSight(this.viewer);
      },
      give: (path, name) => this.give(this.session.transport.fileUrl(path), name),
      explain: (problem) => this.explain(problem),
      picture: thumbnail,
    };
  }

  /** @param {import("./stage.js").Progress} progress */
  show(progress) {
    this.foot.show(progress);
    this.showRuns();
    const entry = this.session?.visit.find(this.session.viewed);
    if (this.session) this.report.compare(entry?.isScan ? undefined : entry?.fields); // a scan has no report
    this.ask?.update();
    document.title = tabTitle(progress);
  }

  /** Which of the strip are A and B, and the numbers of both, if they are open. */
  showRuns() {
    this.numbers?.update();
    this.strip?.showAs(this.session.shown?.run ?? null, this.session.pair.run); // the session speaks before there is a strip
  }

  /** @param {string} problem */
  explain(problem) {
    this.problem.explain(problem);
    this.report.reading.leaveOut(problem);
  }

  /** Once the viewer is in the document. */
  begin() {
    new ResizeObserver(() => fitHeight(this.viewer)).observe(document.body);
    window.addEventListener("pagehide", () => {
      this.session.saveView();
      this.opening.leave();
    });
    document.addEventListener("visibilitychange", () => this.session.saveView());
    this.tabs.begin();
    completeWhenTurnedTo(this.viewer, this.session);
    listenToDrop((files) => this.openDialog.open(files));
    this.session.resume();
    this.ask.resume();
  }

  /**
   * A volume that goes on from the scan that is shown.
   * @param {import("./room/continue_dialog.js").Wish} wish
   */
  continueScan({ mode, head, kept }) {
    const scan = this.session.shown?.run;
    if (scan) this.session.generate({ ...this.report.fields.now, kept }, { ...this.report.fields.now, scan, mode, head });
  }

  /** @param {Record<string, any>} fields  by their names, as they are now */
  changed({ chunks }) {
    this.explain(""); // what was wrong may be right now
    this.ask.askCosts();
    this.length.show(chunks);
  }

  // What Gradio's events ask for, beside what they ask the form.

  /** @param {any[]} values */
  generate(values) {
    if (!this.ask.busy) this.session.generate(this.report.fields.named(values));
  }

  /** A run that is shown and made is stopped before a question that is. */
  stop() {
    if (this.session.busy) this.session.stop();
    else this.ask.stop();
  }

  /** Generate, Stop. */
  buttons() {
    const busy = this.session.busy || this.ask.busy;
    return [!busy, busy].map((interactive) => ({ __type__: "update", interactive }));
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
    if (file) this.give(file.url, file.name);
  }

  /**
   * @param {string} href
   * @param {string} name
   */
  give(href, name) {
    make("a", "", { href, download: name }).click();
  }
}

/**
 * Hears of every change of a view, beside the screen that draws it.
 * @param {import("./view.js").View} view
 * @param {() => void} hear
 */
function follow(view, hear) {
  const draw = view.changed;
  view.changed = () => {
    draw();
    hear();
  };
}
