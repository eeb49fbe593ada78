// @ts-check
// The runs of this visit, side by side below the planes. Its room is always there, so that the planes do not move.

import { Downloads } from "./downloads.js";
import { make, makeButton, makeDialog, setPressed } from "./elements.js";

/** @typedef {import("../data/feed.js").Feed} Feed */
/** @typedef {import("../data/feeds.js").Feeds} Feeds */
/** @typedef {import("../data/visit.js").Entry} Entry */
/** @typedef {import("../data/visit.js").Visit} Visit */

/**
 * What can be done with a run.
 * @typedef {object} Acts
 * @property {(run: string) => void} show
 * @property {(run: string) => void} hold    as B, or no longer
 * @property {(run: string) => void} remove
 * @property {() => void} renamed
 * @property {(kind: string, button: HTMLButtonElement, run: string) => void} download
 */

const LONGEST_NAME = 80;
const NONE = "The volumes that you make are listed here, to be shown again or compared.";

export class Strip {
  /**
   * @param {Visit} visit
   * @param {Acts} acts
   */
  constructor(visit, acts) {
    this.visit = visit;
    this.acts = acts;
    this.run = ""; // that is shown
    this.other = ""; // B, that it is compared with
    /** @type {Set<string>} runs that are not finished */
    this.running = new Set();
    this.list = make("ul", "ctv-strip", { "aria-label": "Runs of this visit" });
    this.title = make("input", "ctv-text", { "aria-label": "Name of the run", maxlength: String(LONGEST_NAME) });
    this.title.addEventListener("change", () => this.rename());
    this.facts = make("dl", "ctv-facts");
    this.downloads = new Downloads((kind, button) => acts.download(kind, button, this.told));
    this.remove = makeButton("Delete", "Take this run out of the list; one that is being made is stopped", () => {
      acts.remove(this.told);
      this.dialog.close();
    });
    this.told = ""; // the run that the dialog tells of
    const buttons = make("div", "ctv-group", {}, [this.downloads.element, this.remove]);
    this.dialog = makeDialog("Run", [make("label", "", {}, ["Name", this.title]), this.facts, buttons]);
    visit.changed = () => this.draw();
    this.draw();
  }

  /**
   * @param {string | null} run
   * @param {string | null} other  B, that it is compared with
   */
  showAs(run, other) {
    if (this.run === (run ?? "") && this.other === (other ?? "")) return;
    const isNew = this.run !== (run ?? "");
    this.run = run ?? "";
    this.other = other ?? "";
    this.draw();
    if (isNew) this.bringIntoSight();
  }

  /** The card of the run that is shown; the page itself does not scroll. */
  bringIntoSight() {
    const card = this.list.querySelector("[aria-current]")?.parentElement;
    if (!card) return;
    const [box, list] = [card.getBoundingClientRect(), this.list.getBoundingClientRect()];
    this.list.scrollLeft += Math.max(0, box.right - list.right) || Math.min(0, box.left - list.left);
  }

  /**
   * A run that is being made says so in its card, whichever run is shown.
   * @param {Feeds} feeds
   */
  follow(feeds) {
    const tell = (/** @type {Feed} */ { run, running }) => this.setRunning(run, running);
    const over = (/** @type {Feed} */ { run }) => this.setRunning(run, false);
    feeds.listeners.push({ news: tell, slices: () => {}, lost: () => {}, refused: () => {}, gone: over });
  }

  /**
   * @param {string} run
   * @param {boolean} running
   */
  setRunning(run, running) {
    if (this.running.has(run) === running) return;
    if (running) this.running.add(run);
    else this.running.delete(run);
    this.draw();
  }

  draw() {
    const { entries } = this.visit;
    const { scrollLeft } = this.list;
    const cards = entries.map((entry) => this.makeCard(entry));
    this.list.replaceChildren(...(cards.length ? cards : [make("li", "ctv-none ctv-dim", { text: NONE })]));
    this.list.scrollLeft = scrollLeft;
  }

  /** @param {Entry} entry */
  makeCard(entry) {
    const { run, name, picture, differs, isScan } = entry;
    const what = differs.join(", ") || `seed ${entry.fields.seed}`;
    const image = picture ? make("img", "", { src: picture, alt: "" }) : make("span", "ctv-no-picture");
    const words = make("span", "ctv-card-words", {}, [
      make("span", "", { text: name }),
      make("span", "ctv-dim", { text: this.running.has(run) && !isScan ? `being made · ${what}` : what }),
    ]);
    const card = make("button", "ctv-card", { type: "button", title: `Show: ${[name, ...differs].join(", ")}` }, [image, words]);
    if (run === this.run) card.setAttribute("aria-current", "true");
    card.addEventListener("click", () => this.acts.show(run));
    const hold = makeButton("Hold as B", "Hold this run as B, to compare the one that is shown with it", () => this.acts.hold(run));
    hold.setAttribute("aria-label", `Hold as B: ${name}`);
    setPressed(hold, run === this.other);
    const more = makeButton("…", "What it is; rename, download, delete", () => this.tell(entry));
    more.setAttribute("aria-label", `Details of ${name}`);
    return make("li", "", {}, [card, hold, more]);
  }

  /** @param {Entry} entry */
  tell({ run, name, model, fields, differs, askedAtMs, isScan }) {
    this.downloads.enable(true, isScan);
    this.told = run;
    this.title.value = name;
    const time = new Date(askedAtMs).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const facts = { Findings: fields.findings, Impression: fields.impression, Seed: fields.seed, Asked: time, Model: model };
    const rows = Object.entries({ ...facts, "New in it": differs.join(", ") }).filter(([, value]) => value !== "" && value !== undefined);
    this.facts.replaceChildren(
      ...rows.flatMap(([term, value]) => [make("dt", "", { text: term }), make("dd", "", { text: String(value) })]),
    );
    this.dialog.showModal();
  }

  rename() {
    const name = this.title.value.trim();
    if (!name) return;
    this.visit.change(this.told, { name });
    this.acts.renamed();
  }
}
