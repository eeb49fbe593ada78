// The report panel's fields, which Gradio hands over at every change: kept as a draft, and counted in tokens.

const READ_AFTER_MS = 250;

class Fields {
  constructor(draftKey) {
    this.draftKey = draftKey;
    this.asked = 0;
    this.timer = 0;
  }

  changed(fields) {
    remember("sessionStorage", this.draftKey, Object.values(fields));
    const report = JSON.stringify([fields.findings, fields.impression, fields.sex, fields.age]);
    if (report === this.report) return;
    this.report = report;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(fields), READ_AFTER_MS);
  }

  // A slow count of an earlier text must not replace that of a later one.
  async read(fields) {
    const asked = ++this.asked;
    const latest = () => asked === this.asked;
    const reading = await askPatiently("read", fields, latest, () => {});
    if (!reading || !latest()) return;
    const place = (name) => document.querySelector(`.ct-reading .${name}`);
    place("ct-tokens").textContent = reading.problem || reading.count;
    place("ct-tokens").classList.toggle("ct-over", Boolean(reading.problem || reading.cut));
    place("ct-cut").hidden = !reading.cut;
    place("ct-cut-text").textContent = reading.cut || "";
    this.recognised(reading, place);
  }

  // Only a model that can say what it recognised has `known`.
  recognised({ found = [], denied = [], unread = [], known = [] }, place) {
    const [chips, missed, all] = ["ct-found", "ct-unread", "ct-known"].map(place);
    chips.replaceChildren();
    for (const text of found) make("li", "ct-asserted", chips, { text });
    for (const text of denied) make("li", "ct-denied", chips, { text });
    chips.hidden = !chips.children.length;
    missed.lastElementChild.replaceChildren();
    for (const text of unread) make("q", "", missed.lastElementChild, { text });
    missed.hidden = !unread.length;
    const findings = known.length === 1 ? "one finding" : `${known.length} findings`;
    all.firstElementChild.textContent = `The ${findings} that this model reads`;
    all.lastElementChild.textContent = `${known.join(", ")}.`;
    all.hidden = !known.length;
  }
}
