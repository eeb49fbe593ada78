// @ts-check
// The row above the planes for two volumes. Its room is always there, so that the planes do not move when it comes.

import { changeSentence, changeWords } from "../data/change.js";
import { make, makeButton, makeGroup, setPressed } from "./elements.js";

/** @typedef {import("../compared.js").Mode} Mode */
/** @typedef {import("../pair.js").Pair} Pair */

/** @type {[Mode, string, string][]} */
const MODES = [
  ["alone", "A alone", "Show A at full size; hold b to see B"],
  ["side", "Side by side", "Show A and B beside each other, at the same place"],
  ["swipe", "Swipe", "Show A left of a line and B right of it; drag the line"],
  ["difference", "Difference", "Show B − A in HU"],
];
const NONE = "Compare: the volume before stays at hand as B when you generate again. Or hold any run as B.";

export class PairRow {
  /**
   * @param {Pair} pair
   * @param {Element} forDifference  what is for the difference alone
   * @param {() => void} showDifferences  in words
   */
  constructor(pair, forDifference, showDifferences) {
    this.pair = pair;
    const { compared } = pair;
    this.modes = MODES.map(([mode, label, title]) => makeButton(label, title, () => pair.setMode(mode)));
    this.blink = makeButton("Blink", "Hold b or this: B is seen in A's planes for as long as it is held", () => {});
    this.difference = make("div", "ctv-group ctv-for-difference", {}, [forDifference]);
    this.align = makeButton("Align centres", "Move B so that the centres of A and B meet, for display only; and back", () =>
      pair.setAligned(!compared.wantsAligned));
    this.swap = makeButton("Swap", "A becomes B, and B becomes A", () => pair.swap());
    this.close = makeButton("Close", "Close the comparison: show A alone; B stays in the strip", () => pair.close());
    this.close.setAttribute("aria-label", "Close comparison");
    this.words = make("p", "ctv-pair-words", { role: "status" });
    this.controls = make("div", "ctv-pair-controls", {}, [
      makeGroup("How A and B are shown", this.modes),
      this.difference,
      this.align,
      this.blink,
      makeButton("What differs", "Changed tissue, and both reports word by word", showDifferences),
      this.swap,
      this.close,
    ]);
    this.element = make("div", "ctv-pair", { role: "group", "aria-label": "Comparison of A and B" }, [this.controls, this.words]);
    this.listen();
    this.describe();
    this.listenToB(compared);
  }

  /** The button, held down. */
  listen() {
    const { blink, pair: { compared } } = this;
    blink.addEventListener("pointerdown", (event) => {
      blink.setPointerCapture(event.pointerId);
      compared.setBlinking(true);
    });
    for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) {
      blink.addEventListener(name, () => compared.setBlinking(false));
    }
    blink.addEventListener("keydown", ({ key }) => ["Enter", " "].includes(key) && compared.setBlinking(true));
  }

  /**
   * The end of the key; its beginning is a shortcut like others (keyboard.js).
   * @param {import("../compared.js").Compared} compared
   */
  listenToB(compared) {
    document.addEventListener("keyup", ({ key }) => key.toLowerCase() === "b" && compared.setBlinking(false));
    window.addEventListener("blur", () => compared.setBlinking(false));
  }

  /**
   * The same words are not set again, because a screen reader speaks every change.
   * @param {string} words
   */
  say(words) {
    if (this.words.textContent === words) return;
    this.words.textContent = this.words.title = words;
  }

  describe() {
    const { pair } = this;
    const { compared } = pair;
    this.controls.hidden = !pair.run;
    const { difference, display: { scale: { threshold } } } = compared.a;
    const words = [difference?.changed(changeWords, threshold), pair.words].filter(Boolean).join(" · ");
    this.say(words || (pair.run ? "" : NONE));
    this.words.title = [difference?.changed(changeSentence, threshold), pair.words].filter(Boolean).join(" ");
    this.words.classList.toggle("ctv-dim", !words);
    this.modes.forEach((button, i) => {
      setPressed(button, compared.mode === MODES[i][0]);
      button.disabled = !compared.isOpen && MODES[i][0] !== "alone";
    });
    setPressed(this.blink, compared.isBlinking);
    this.blink.disabled = !compared.isOpen;
    this.align.hidden = !compared.link?.canAlign;
    setPressed(this.align, compared.wantsAligned);
    this.swap.disabled = !pair.canSwap;
    this.difference.hidden = compared.shown !== "difference";
  }
}
