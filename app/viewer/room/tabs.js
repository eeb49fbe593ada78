// @ts-check
// The two tabs of the left panel: what is written, and what is asked about it.

import { make } from "./elements.js";

/** @typedef {import("../data/memory.js").Memory} Memory */

const KEY = "ctflow-tab";
const NAMES = ["Report", "Ask"];
const PANELS = [".ct-fields", ".ct-ask"];
const MOVES = { ArrowLeft: -1, ArrowRight: 1, Home: -NAMES.length, End: NAMES.length };

export class Tabs {
  /** @param {Memory} memory  of this tab of the browser */
  constructor(memory) {
    this.memory = memory;
    this.changed = () => {}; // for what the tabs show
    this.chosen = 0;
    this.buttons = NAMES.map((name, i) => this.makeTab(name, i));
    this.element = make("div", "ct-tabs", { role: "tablist", "aria-label": "Report, or questions about it" }, this.buttons);
    this.element.addEventListener("keydown", (event) => this.move(event));
  }

  get isAsking() {
    return this.chosen === 1;
  }

  /**
   * @param {string} name
   * @param {number} i
   */
  makeTab(name, i) {
    const tab = make("button", "ct-tab", { type: "button", role: "tab", text: name });
    tab.addEventListener("click", () => this.choose(i));
    return tab;
  }

  /** Once the panel is in the document. */
  begin() {
    for (const [i, panel] of PANELS.entries()) {
      this.panel(panel)?.setAttribute("role", "tabpanel");
      this.panel(panel)?.setAttribute("aria-label", NAMES[i]);
    }
    this.choose(this.memory.recall(KEY) ?? 0);
  }

  /** @param {number} chosen */
  choose(chosen) {
    this.chosen = chosen;
    this.memory.remember(KEY, chosen);
    for (const [i, tab] of this.buttons.entries()) {
      tab.setAttribute("aria-selected", String(i === chosen));
      tab.tabIndex = i === chosen ? 0 : -1;
    }
    document.querySelector(".ct-panel")?.classList.toggle("ct-asking", this.isAsking);
    this.changed();
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const by = /** @type {Record<string, number>} */ (MOVES)[event.key];
    if (!by) return;
    event.preventDefault();
    const next = Math.min(Math.max(this.chosen + by, 0), NAMES.length - 1);
    this.choose(next);
    this.buttons[next].focus();
  }

  /**
   * How far a question is, which is seen from the other tab, too.
   * @param {number | null} share  null where none is being answered
   */
  showShare(share) {
    const text = share === null ? NAMES[1] : `${NAMES[1]} · ${Math.floor(100 * share)} %`;
    if (this.buttons[1].textContent !== text) this.buttons[1].textContent = text;
  }

  /** @param {string} selector */
  panel(selector) {
    return document.querySelector(selector);
  }
}
