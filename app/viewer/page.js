// @ts-check
// The page: makes the parts that Gradio's components have room for, and connects them with the session.

import { facts } from "./data/facts.js";
import { Example } from "./data/example.js";
import { Memory, visitor } from "./data/memory.js";
import { Transport } from "./data/transport.js";
import { Visit } from "./data/visit.js";
import { thumbnail } from "./draw/thumbnail.js";
import { measured } from "./measured.js";
import { showPair } from "./pair.js";
import { Ask } from "./room/ask.js";
import { Opening } from "./opening.js";
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
import { View } from "./view.js";
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
 * @property {() => void} fill              the fields shall ask `Page.filled` for their values
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
    this.report = new ReportPanel(fields, draftKey, tab, transport, (problem) => this.explain(problem));
    this.fields = this.report.fields;
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
      download: (kind, button, run) => this.download(kind, button, run),
    });
    this.strip.follow(this.session.feeds);
    pair.changed = () => this.showRuns();
    this.foot.element.before(this.strip.list);
    const fileName = () => this.facts(this.session.view).fileName;
    const ablation = () => this.ask.sentences.answer;
    this.numbers = new NumbersDialog(transport, plotly, () => measured(this.session), fileName, ablation);
    this.openDialog = new OpenDialog(new Opening(this.session, (values) => this.fill(values, host)));
    this.continueDialog = new ContinueDialog(model, (wish) => this.continueScan(wish));
    this.viewer.append(this.strip.dialog, this.numbers.element, this.openDialog.element, this.continueDialog.element);
    this.tabs = new Tabs(tab);
    this.ask = new Ask(this.session, this.desk(host), model);
    this.tabs.changed = () => this.ask.askCosts();
    this.viewer.append(this.ask.found.element);
    follow(this.session.view, () => this.ask.placeChanged());
    this.sex = new Sex();
    listenToGenerate(host.generate);
    /** @type {any[]} what the fields shall hold */
    this.filling = [];
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
      jump: new Jump(this.viewer, () => this.goToPlanes()).element,
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
      comeIntoSight: () => this.comeIntoSight(),
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
      fields: () => this.fields.now,
      drive: host.drive,
      busyChanged: host.updateButtons,
      showShare: (share) => this.tabs.showShare(share),
      show: (run) => {
        this.session.pair.setMode("alone");
        showRun(this.session, run);
        this.comeIntoSight();
      },
      compare: (a, b) => {
        showPair(this.session, a, b, "difference");
        this.comeIntoSight();
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
    new ResizeObserver(() => this.fitHeight()).observe(document.body);
    window.addEventListener("pagehide", () => this.session.saveView());
    document.addEventListener("visibilitychange", () => this.session.saveView());
    this.tabs.begin();
    completeWhenTurnedTo(this.viewer, this.session);
    listenToDrop((files) => this.openDialog.open(files));
    this.session.resume();
    this.ask.resume();
  }

  /**
   * Fields as they are now, and where nobody has changed them, as the draft has them.
   * @type {(now: any[]) => any[]}
   */
  withDraft = (now) => now;

  /**
   * Puts values into Gradio's fields, as if the person had written them.
   * @param {Record<string, any>} values  by their names
   * @param {Host} host
   */
  fill(values, host) {
    this.filling = this.fields.names.map((name) => values[name]);
    host.fill();
  }

  /**
   * A volume that goes on from the scan that is shown.
   * @param {import("./room/continue_dialog.js").Wish} wish
   */
  continueScan({ mode, head, kept }) {
    const scan = this.session.shown?.run;
    if (scan) this.session.generate({ ...this.fields.now, kept }, { ...this.fields.now, scan, mode, head });
  }

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
    this.report.changed(values);
    this.ask.askCosts();
    this.length.show(this.fields.named(values).chunks);
  }

  /** @param {any[]} values */
  generate(values) {
    if (!this.ask.busy) this.session.generate(this.fields.named(values));
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

  /** What `fill` has put there. */
  filled() {
    return this.filling;
  }

  /**
   * @param {any[]} _
   * @param {number} most
   */
  newSeed(_, most) {
    return [Math.floor(Math.random() * (most + 1))];
  }

  /**
   * A button beside a sentence was pressed.
   * @param {any[]} values  of the two text fields
   */
  edited(values) {
    return this.report.edited(values);
  }

  /**
   * An example takes the place of the report.
   * @param {any[]} _
   * @param {any[]} chosen
   */
  chooseReport(_, chosen) {
    this.report.edits.forget();
    return chosen;
  }

  /**
   * A preset, as the server has it.
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
    if (file) this.give(file.url, file.name);
  }

  /**
   * @param {string} href
   * @param {string} name
   */
  give(href, name) {
    make("a", "", { href, download: name }).click();
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
