// @ts-check
// A question that takes several volumes: asked once, followed until it is over, and found again after a reload.

import { newId } from "./memory.js";

/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./transport.js").Transport} Transport */

/**
 * A volume of a question, which is a run that the viewer shows like any other.
 * @typedef {object} Shown
 * @property {string} run
 * @property {string} title
 * @property {boolean} is_kept  whether the server still has it
 */

/**
 * What one sentence does.
 * @typedef {object} SentenceRow
 * @property {number} number      of the sentence, from 1
 * @property {string} sentence
 * @property {number} ml          changed beyond chance
 * @property {boolean} stands_out whether that is more than another seed changes
 * @property {string} verdict
 * @property {string} changed
 * @property {string} where
 */

/**
 * What the server says of a question (app/present_question.py, `manifest`), or only `problem`.
 * @typedef {object} Answer
 * @property {string} [problem]
 * @property {string | null} question
 * @property {string} kind
 * @property {number} version
 * @property {string} state           as of a run, see transport.js
 * @property {boolean} stopping
 * @property {number} share           from 0 to 1
 * @property {string} status
 * @property {string} detail
 * @property {string} server
 * @property {boolean} [needs_driver] as of a run
 * @property {Shown | null} [whole]   of "ablate"
 * @property {{ ml: number, words: string } | null} [chance]
 * @property {(SentenceRow & Shown)[]} [rows]
 * @property {Shown[]} [volumes]      of "seeds"
 * @property {Record<string, Shown>} [spread]
 */

const UNFINISHED = ["waiting", "running"];
const HEARTBEAT_MS = 20000;
const REFUSED_MS = 3000;
const LOST = "The server does not answer. Trying again; what you see stays.";
const RESTARTED = "The server was restarted. The figures stay; their volumes are gone. Ask again: the same seed gives the same.";

/** One kind of question in one tab. Its last answer stays until the next one. */
export class Question {
  /**
   * @param {string} kind       "ablate" or "seeds"
   * @param {Transport} transport
   * @param {Memory} memory     of this tab
   * @param {string} visitor
   * @param {(question: string) => void} drive  a request of the page shall drive it (ZeroGPU)
   */
  constructor(kind, transport, memory, visitor, drive) {
    this.kind = kind;
    this.transport = transport;
    this.memory = memory;
    this.visitor = visitor;
    this.drive = drive;
    this.key = `ctflow-question-${kind}`;
    /** @type {string | null} its id, while it is asked for or followed */
    this.id = null;
    /** @type {Answer | null} */
    this.answer = null;
    /** @type {Record<string, any> | null} what its volumes were asked for with, but for the seed */
    this.fields = null;
    this.problem = "";
    this.changed = () => {}; // for whoever shows it
  }

  /** Whether there is something to stop. */
  get running() {
    return this.id !== null && (this.answer === null || UNFINISHED.includes(this.answer.state));
  }

  /** After a reload: what was known, and then what has become of it. */
  resume() {
    const { id = null, answer = null, fields = null } = this.memory.recall(this.key) ?? {};
    if (!id) return;
    this.answer = answer;
    this.fields = fields;
    this.follow(id);
  }

  /**
   * @param {Record<string, any>} fields
   * @param {number} seeds
   */
  async ask(fields, seeds) {
    if (this.running) return;
    const id = newId();
    this.id = id;
    this.answer = null;
    this.fields = fields;
    this.say("");
    this.keep();
    const asked = { ...fields, kind: this.kind, seeds, question: id, visitor: this.visitor };
    const reply = await this.transport.askPatiently("ask", asked, () => this.id === id, () => this.say(LOST));
    if (this.id !== id) return;
    if (reply.problem) {
      this.id = null;
      this.keep();
      this.say(reply.problem);
    } else this.follow(id);
  }

  /** Stop keeps what is done. */
  async stop() {
    const { id } = this;
    if (!id || !this.running) return;
    if (!this.answer) this.id = null; // it may not have begun: nothing of it is wanted
    this.changed();
    await this.transport.askPatiently("stop", { run: id }, () => this.id === id || this.id === null, () => this.say(LOST));
  }

  /** @param {string} id */
  async follow(id) {
    this.id = id;
    this.changed();
    const followed = () => this.id === id;
    for (let seen = null; followed(); ) {
      const asked = { question: id, seen };
      const answer = await this.transport.askPatiently("question", asked, followed, () => this.say(LOST));
      if (!followed()) return;
      if (answer.problem) {
        this.say(answer.problem);
        await this.transport.pause(REFUSED_MS);
        continue;
      }
      if (answer.state === "gone") return this.lose(answer);
      this.take(answer);
      seen = answer.version;
      if (!this.running) await this.transport.pause(HEARTBEAT_MS);
    }
  }

  /** @param {Answer} answer */
  take(answer) {
    const isSame = answer.version === this.answer?.version && answer.share === this.answer.share;
    this.answer = answer;
    this.problem = "";
    if (answer.needs_driver && this.id) this.drive(this.id);
    if (!isSame) this.keep();
    this.changed();
  }

  /**
   * The server has forgotten it. What was found needs no server, but its volumes do.
   * @param {Answer} gone
   */
  lose(gone) {
    const known = this.answer;
    const restarted = known !== null && known.server !== gone.server;
    const status = restarted ? RESTARTED : gone.status;
    const forget = (/** @type {any} */ shown) => ({ ...shown, is_kept: false });
    this.id = null;
    this.problem = "";
    this.answer = { ...gone, ...known, state: "gone", stopping: false, status, detail: "", rows: known?.rows?.map(forget) };
    if (known?.volumes) this.answer.volumes = known.volumes.map(forget);
    if (known?.whole) this.answer.whole = forget(known.whole);
    if (known?.spread) {
      this.answer.spread = Object.fromEntries(Object.entries(known.spread).map(([name, shown]) => [name, forget(shown)]));
    }
    this.changed();
  }

  /**
   * What one of its volumes was asked for with; null where it is none of them.
   * @param {string} run
   */
  fieldsOf(run) {
    const volumes = [this.answer?.whole, ...(this.answer?.volumes ?? [])];
    return volumes.some((one) => one?.run === run) ? this.fields : null;
  }

  /** @param {string} problem */
  say(problem) {
    this.problem = problem;
    this.changed();
  }

  keep() {
    this.memory.remember(this.key, this.id && { id: this.id, answer: this.answer, fields: this.fields });
  }
}
