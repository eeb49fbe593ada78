// @ts-check
// What is opened rather than made: a scan, which is sent, read by the server, and then shown like any run; or a settings
// file, which fills the fields.

import { newId } from "./data/memory.js";
import { UNREADABLE, kindOf, scanFiles, send } from "./data/sending.js";

/** @typedef {import("./data/transport.js").Manifest} Manifest */
/** @typedef {import("./data/transport.js").Series} Series */
/** @typedef {import("./session.js").Session} Session */

/**
 * How far it is.
 * @typedef {object} Opened
 * @property {boolean} busy
 * @property {string} status    in words
 * @property {number} share     from 0 to 1
 * @property {Series[]} series  where one of them has to be chosen
 * @property {string} problem   why it cannot be opened, in words
 */

/** @type {Opened} */
const IDLE = { busy: false, status: "", share: 0, series: [], problem: "" };
const LOST = "The server does not answer. Trying again.";
const SETTINGS_BYTES = 500_000; // many times what one has
const TOO_LONG = "This is no settings file of a volume: those are much shorter.";
const BUSY = "A scan is being opened. Cancel it before you open another.";
const NO_ANSWER = "The server does not answer. Check the connection and open it again.";

export class Opening {
  /**
   * @param {Session} session
   * @param {(fields: Record<string, any>) => void} fill  puts values into the fields, by their names
   */
  constructor(session, fill) {
    this.session = session;
    this.fill = fill;
    this.told = IDLE;
    this.changed = () => {}; // for whoever shows it
    this.done = () => {}; // it is open
    /** @type {string | null} the run that is being opened */
    this.run = null;
  }

  /** @param {File[] | null} files  null where they cannot be read */
  open(files) {
    if (this.told.busy) return this.tell({ problem: BUSY });
    if (!files) return this.fail(UNREADABLE);
    if (!files.length) return;
    const [first] = files;
    if (files.length === 1 && /\.json$/i.test(first.name)) this.openSettings(first);
    else this.openScan(scanFiles(files));
  }

  /** @param {File} file */
  async openSettings(file) {
    if (file.size > SETTINGS_BYTES) return this.fail(TOO_LONG);
    const text = await file.text().catch(() => null); // it was moved or removed since it was chosen
    if (text === null) return this.fail(UNREADABLE);
    const answer = await this.session.transport.ask("settings", { text });
    if (!answer || answer.problem) return this.fail(answer?.problem ?? NO_ANSWER);
    this.fill(answer.fields);
    const notes = answer.notes.map((/** @type {string} */ note) => `Note: ${note}.`);
    const words = [`The fields hold the settings of ${file.name}. Press Generate to make that volume again.`, ...notes].join(" ");
    this.session.stage.say(words);
    if (notes.length) this.tell({ ...IDLE, status: words });
    else this.finish();
  }

  /** @param {File[]} files */
  async openScan(files) {
    const { transport, visitor } = this.session;
    const run = newId();
    const wanted = () => this.run === run;
    const lost = () => this.tell({ status: LOST });
    this.run = run;
    this.tell({ ...IDLE, busy: true, status: "Sending the scan." });
    const asked = { run, visitor, files: files.map((file) => [file.size, kindOf(file.name)]) };
    const answer = await transport.askPatiently("open", asked, wanted, lost);
    if (!wanted()) return;
    const sent = (/** @type {number} */ share) => this.tell({ status: "Sending the scan.", share: share / 2 });
    const problem = answer.problem || (await send(run, files, transport, { wanted, sent, lost }));
    if (problem && wanted()) {
      this.cancel(); // else the server waits for the rest
      return this.fail(problem);
    }
    await this.follow(run, files, wanted, lost);
  }

  /**
   * Until there is something to show.
   * @param {string} run
   * @param {File[]} files
   * @param {() => boolean} wanted
   * @param {() => void} lost
   */
  async follow(run, files, wanted, lost) {
    for (let seen = null; wanted(); ) {
      /** @type {Manifest | null} */
      const news = await this.session.transport.askPatiently("news", { run, seen }, wanted, lost);
      if (!news || !wanted()) return;
      if (["failed", "stopped", "gone"].includes(news.state)) return this.fail(withNames(news.status, files));
      if (news.chunks.length) return this.show(run, nameOf(files), news.title);
      this.tell({ status: news.status, share: news.share, series: news.series });
      seen = news.version;
    }
  }

  /**
   * @param {string} run
   * @param {string} name
   * @param {string} what  it is
   */
  show(run, name, what) {
    const { session } = this;
    session.visit.addScan(run, name, what, Date.now());
    session.pair.handOver();
    session.show(session.hold(run));
    this.finish();
    session.stage.comeIntoSight();
  }

  /** @param {number} number  of the series, counted from 0 */
  async choose(number) {
    this.tell({ series: [], status: "Reading the scan." });
    const run = this.run;
    const answer = await this.session.transport.askPatiently("choose_series", { run, number }, () => this.run === run, () => {});
    if (answer?.problem && this.run === run) this.fail(answer.problem);
  }

  /** The server may hear of it before or after it has heard of the scan. */
  cancel() {
    const { run, session } = this;
    if (run) session.transport.askPatiently("stop", { run }, () => true, session.sayLost);
    this.run = null;
    this.tell(IDLE);
  }

  /** The page is left, and the files with it: the server need not wait for the rest, which would hold up the next scan. */
  leave() {
    if (this.run) this.session.transport.tell("stop", { run: this.run });
  }

  finish() {
    this.run = null;
    this.tell(IDLE);
    this.done();
  }

  /** @param {string} problem */
  fail(problem) {
    this.run = null;
    this.tell({ ...IDLE, problem });
  }

  /** @param {Partial<Opened>} told */
  tell(told) {
    this.told = { ...this.told, ...told };
    this.changed();
  }
}

/**
 * What the person calls it: this tab alone knows the name.
 * @param {File[]} files
 */
function nameOf(files) {
  const folder = files[0].webkitRelativePath?.split("/")[0];
  return files.length === 1 ? files[0].name : folder || `${files.length} files`;
}

/**
 * The server numbers the files, whose names it does not know.
 * @param {string} words
 * @param {File[]} files
 */
function withNames(words, files) {
  if (files.length < 2) return words;
  return words.replace(/\bFile (\d+)\b/g, (number, n) => files[Number(n) - 1]?.name ?? number);
}
