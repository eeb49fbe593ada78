// @ts-check
// The report panel: what is written in its fields, what the model read in it, and what the buttons beside its sentences
// change.

import { Edits, TEXT_FIELDS } from "../data/edits.js";
import { Editing } from "./editing.js";
import { Fields } from "./fields.js";
import { Reading } from "./reading.js";
import { Sentences } from "./sentences.js";

/** @typedef {import("../data/edits.js").Texts} Texts */
/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../data/transport.js").Transport} Transport */

export class ReportPanel {
  /**
   * @param {string[]} names   of the fields, in Gradio's order
   * @param {string} draftKey
   * @param {Memory} tab
   * @param {Transport} transport
   * @param {(problem: string) => void} explain
   */
  constructor(names, draftKey, tab, transport, explain) {
    this.edits = new Edits(tab, `${draftKey}-edits`);
    this.editing = new Editing(this.edits, transport, explain);
    this.sentences = new Sentences(this.edits, (act, row, typed) => this.editing.act(act, row, typed));
    this.reading = new Reading(this.sentences);
    this.fields = new Fields(names, draftKey, tab, transport, (reading, read) => this.reading.show(reading, textsOf(read)));
  }

  /** @param {any[]} values */
  changed(values) {
    this.edits.see(textsOf(this.fields.named(values)));
    this.fields.changed(values);
  }

  /**
   * What comes into the two fields once the buttons' changes are made in what stands in them. A field that they do not
   * change is left alone, because somebody may be typing in it.
   * @param {any[]} values
   */
  edited([findings, impression]) {
    const before = textsOf({ findings, impression });
    const after = { ...this.editing.edit({ ...before }) };
    return TEXT_FIELDS.map((field) => (after[field] === before[field] ? { __type__: "update" } : after[field]));
  }

  /**
   * Marks the words that the report of a volume does not have.
   * @param {Record<string, any> | undefined} asked  the fields that the volume was asked for with, where they are known
   */
  compare(asked) {
    this.sentences.compare(asked ? textsOf(asked) : null);
  }
}

/**
 * @param {Record<string, any>} fields
 * @returns {Texts}
 */
function textsOf({ findings, impression }) {
  return { findings: findings ?? "", impression: impression ?? "" };
}
