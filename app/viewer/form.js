// @ts-check
// What Gradio's events ask about its fields: `values` are what the fields hold, and what is returned goes into them.

/** @typedef {import("./room/report.js").ReportPanel} ReportPanel */

export class Form {
  /**
   * @param {ReportPanel} report
   * @param {(fields: Record<string, any>) => void} heard  of every change, by the names of the fields
   * @param {() => void} ask  the fields shall ask `filled` for their values
   */
  constructor(report, heard, ask) {
    this.report = report;
    this.fields = report.fields;
    this.heard = heard;
    this.ask = ask;
    /** @type {any[]} what the fields shall hold */
    this.filling = [];
  }

  /**
   * Fields as they are now, and where nobody has changed them, as the draft has them.
   * @type {(now: any[]) => any[]}
   */
  withDraft = (now) => now;

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
    this.report.changed(values);
    this.heard(this.fields.named(values));
  }

  /**
   * Puts values into the fields, as if the person had written them.
   * @param {Record<string, any>} values  by their names
   */
  fill(values) {
    this.filling = this.fields.names.map((name) => values[name]);
    this.ask();
  }

  /** What `fill` has put there. */
  filled() {
    return this.filling;
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
   * @param {any[]} _
   * @param {number} most
   */
  newSeed(_, most) {
    return [Math.floor(Math.random() * (most + 1))];
  }
}
