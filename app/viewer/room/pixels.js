// @ts-check
// Screens differ in how many of their pixels make one of CSS, and a window may move from one to another.

/** Calls `act` once they have changed. Not every browser tells it in every case, so whoever can asks as well. */
export class PixelWatch {
  /** @param {() => void} act */
  constructor(act) {
    this.act = act;
    this.ratio = window.devicePixelRatio;
    window.addEventListener("resize", () => this.check());
    this.listen();
  }

  listen() {
    const same = window.matchMedia(`(resolution: ${this.ratio}dppx)`);
    same.addEventListener("change", () => this.check(), { once: true });
  }

  check() {
    if (window.devicePixelRatio === this.ratio) return;
    this.ratio = window.devicePixelRatio;
    this.act();
    this.listen();
  }
}
