// @ts-check
// The fields of the report panel, which Gradio hands over at every change: kept as a draft, and read by the model.

/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../data/transport.js").Transport} Transport */
/** @typedef {import("./reading.js").ReportReading} ReportReading */

const READ_AFTER_MS = 250;
const REPORT = ["findings", "impression", "sex", "age"];

export class Fields {
  /**
   * @param {string[]} names   in Gradio's order
   * @param {string} draftKey  another model has other limits, so its drafts begin anew
   * @param {Memory} memory
   * @param {Transport} transport
   * @param {(reading: ReportReading, fields: Record<string, any>) => void} showReading  with the fields that were read
   */
  constructor(names, draftKey, memory, transport, showReading) {
    this.names = names;
    this.draftKey = draftKey;
    this.memory = memory;
    this.transport = transport;
    this.showReading = showReading;
    this.asked = 0;
    this.timer = 0;
    this.report = "";
    /** @type {Record<string, any>} as they were at the last change */
    this.now = {};
  }

  /**
   * The values by their names.
   * @param {any[]} values
   * @returns {Record<string, any>}
   */
  named(values) {
    return Object.fromEntries(this.names.map((name, i) => [name, values[i]]));
  }

  /**
   * The draft that this tab keeps, or null. An older page may have kept one with fewer fields.
   * @returns {any[] | null}
   */
  draft() {
    const draft = this.memory.recall(this.draftKey);
    return Array.isArray(draft) && draft.length === this.names.length ? draft : null;
  }

  /** @param {any[]} values */
  changed(values) {
    this.memory.remember(this.draftKey, values);
    const fields = this.named(values);
    this.now = fields;
    const report = JSON.stringify(REPORT.map((name) => fields[name]));
    if (report === this.report) return;
    this.report = report;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(fields), READ_AFTER_MS);
  }

  /**
   * A slow reading of an earlier text must not replace that of a later one.
   * @param {Record<string, any>} fields
   */
  async read(fields) {
    const asked = ++this.asked;
    const latest = () => asked === this.asked;
    const reading = await this.transport.askPatiently("read", fields, latest, () => {});
    if (reading && latest()) this.showReading(reading, fields);
  }
}
