// @ts-check
// The runs of this visit, in the order in which they were asked for: what each was asked for, not its voxels. A reload
// keeps them.

import { differences } from "./differences.js";

/** @typedef {import("./memory.js").Memory} Memory */

/**
 * @typedef {object} Entry
 * @property {string} run
 * @property {string} name       the person's own, or else the first words of the report
 * @property {string} model
 * @property {Record<string, any>} fields  that were asked for
 * @property {string[]} differs  what is new against the run before it
 * @property {number} askedAtMs
 * @property {string} picture    an address; empty until there is one
 * @property {boolean} [isScan]  whether it was opened, and not made
 */

const KEY = "ctflow-visit";
const MOST = 30; // the oldest go first
const FIRST_WORDS = 5;

export class Visit {
  /**
   * @param {Memory} memory  of this tab
   * @param {string} model   its title
   */
  constructor(memory, model) {
    this.memory = memory;
    this.model = model;
    /** @type {Entry[]} */
    this.entries = memory.recall(KEY) ?? [];
    this.changed = () => {}; // for whoever shows them
  }

  /**
   * @param {string} run
   * @param {Record<string, any>} fields
   * @param {number} askedAtMs
   */
  add(run, fields, askedAtMs) {
    const before = this.entries.filter(({ isScan }) => !isScan).pop();
    const differs = before ? differences(before.fields, fields) : fields.kept ? [`kept ${fields.kept}`] : [];
    const entry = { run, name: firstWords(fields), model: this.model, fields, differs, askedAtMs, picture: "" };
    this.keep([...this.entries, entry].slice(-MOST));
  }

  /**
   * A scan was opened: nothing was asked for.
   * @param {string} run
   * @param {string} name
   * @param {string} what  it is, in words
   * @param {number} openedAtMs
   */
  addScan(run, name, what, openedAtMs) {
    const entry = { run, name, model: "", fields: {}, differs: [what], isScan: true, askedAtMs: openedAtMs, picture: "" };
    this.keep([...this.entries, entry].slice(-MOST));
  }

  /** @param {string | null} run */
  find(run) {
    return this.entries.find((entry) => entry.run === run);
  }

  /**
   * @param {string} run
   * @param {Partial<Pick<Entry, "name" | "picture">>} change
   */
  change(run, change) {
    this.keep(this.entries.map((entry) => (entry.run === run ? { ...entry, ...change } : entry)));
  }

  /** @param {string} run */
  remove(run) {
    this.keep(this.entries.filter((entry) => entry.run !== run));
  }

  /** @param {Entry[]} entries */
  keep(entries) {
    this.entries = entries;
    this.memory.remember(KEY, entries);
    this.changed();
  }
}

/** @param {Record<string, any>} fields */
function firstWords({ findings, impression }) {
  const words = `${findings || impression || ""}`.trim().split(/\s+/);
  return words.slice(0, FIRST_WORDS).join(" ") + (words.length > FIRST_WORDS ? " …" : "");
}
