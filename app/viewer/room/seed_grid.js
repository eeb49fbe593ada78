// @ts-check
// Volumes of one report and several seeds as small pictures, and what they have in common.

import { make } from "./elements.js";

/** @typedef {import("../data/question.js").Answer} Answer */
/** @typedef {import("../data/question.js").Shown} Shown */

const GONE = "The volume is no longer on the server.";

export class SeedGrid {
  /**
   * @param {(run: string) => void} show
   * @param {(run: string, name: string) => Promise<string>} picture  an address of a small one; `name`: mean or
   *     deviation, empty for a seed
   */
  constructor(show, picture) {
    this.showRun = show;
    this.picture = picture;
    this.drawn = "";
    this.element = make("ul", "ct-grid", { "aria-label": "Volumes so far" });
    this.show(null, null);
  }

  /**
   * @param {Answer | null} answer
   * @param {string | null} shown  the run in the planes
   */
  show(answer, shown) {
    const told = JSON.stringify([answer?.volumes, answer?.spread, shown]);
    if (told === this.drawn) return;
    this.drawn = told;
    const seeds = (answer?.volumes ?? []).map((one) => this.makeCard(one, "", shown));
    const spread = Object.entries(answer?.spread ?? {}).map(([name, one]) => this.makeCard(one, name, shown));
    this.element.replaceChildren(...seeds, ...spread);
    this.element.hidden = !seeds.length;
  }

  /**
   * @param {Shown} one
   * @param {string} name
   * @param {string | null} shown
   */
  makeCard({ run, title, is_kept: isKept }, name, shown) {
    const image = make("img", "", { alt: "" });
    if (isKept) this.paint(image, run, name);
    const words = make("span", "", { text: title });
    const card = make("button", "ct-grid-card", { type: "button", title: isKept ? `Show: ${title}` : GONE }, [image, words]);
    card.disabled = !isKept;
    if (run === shown) card.setAttribute("aria-current", "true");
    card.addEventListener("click", () => this.showRun(run));
    return make("li", "", {}, [card]);
  }

  /**
   * @param {HTMLImageElement} image
   * @param {string} run
   * @param {string} name
   */
  async paint(image, run, name) {
    const picture = await this.picture(run, name);
    if (picture) image.src = picture;
  }
}
