// @ts-check
// Where report and planes do not fit beside each other: a button that goes from one to the other.

import { make } from "./elements.js";

export class Jump {
  /**
   * @param {HTMLElement} planes
   * @param {() => void} goThere
   */
  constructor(planes, goThere) {
    this.goThere = goThere;
    this.element = make("button", "ctv-button", { type: "button", text: "Planes" });
    this.element.addEventListener("click", () => this.jump());
    this.seen = false; // whether the planes are
    const looked = (/** @type {IntersectionObserverEntry[]} */ looks) => this.show(looks[looks.length - 1].isIntersecting);
    new IntersectionObserver(looked, { rootMargin: "0px 0px -40%" }).observe(planes);
  }

  /** @param {boolean} seen */
  show(seen) {
    this.seen = seen;
    this.element.textContent = seen ? "Report" : "Planes";
  }

  jump() {
    if (this.seen) window.scrollTo({ top: 0 });
    else this.goThere();
  }
}
