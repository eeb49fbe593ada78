// @ts-check
// The viewer's element: bar, planes, what is said below them, and the dialogs.

import { Counting } from "./counting.js";
import { DifferenceControls } from "./difference_controls.js";
import { DifferencesDialog } from "./differences_dialog.js";
import { DisplayDialog } from "./display_dialog.js";
import { make } from "./elements.js";
import { makeHelp } from "./help.js";
import { listenToKeys, shortcuts } from "./keyboard.js";
import { MarksDialog } from "./marks_dialog.js";
import { PairRow } from "./pair_row.js";
import { PictureDialog } from "./picture_dialog.js";
import { Screen } from "./screen.js";

/** @typedef {import("../data/facts.js").Facts} Facts */
/** @typedef {import("../data/memory.js").Memory} Memory */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./foot.js").Foot} Foot */

export class Viewer {
  /**
   * @param {import("../pair.js").Pair} pair
   * @param {Foot} foot
   * @param {Memory} browser  what this browser remembers
   * @param {(view: View) => Facts} facts  of its volume
   */
  constructor(pair, foot, browser, facts) {
    const { compared } = pair;
    this.view = compared.a;
    this.element = make("section", "ctv", { "aria-label": "CT viewer" });
    /** @type {import("./bar.js").Actions} */
    const actions = {
      showHelp: () => help.showModal(),
      showDisplay: () => display.show(),
      showMarks: () => marks.show(),
      showPicture: () => picture.show(),
      foldReport: () => this.foldReport(),
      fillScreen: () => this.fillScreen(),
      blink: () => compared.setBlinking(true),
    };
    const keys = shortcuts(this.view, actions);
    this.screen = new Screen(compared, foot.readout, actions);
    const help = makeHelp(keys);
    const display = new DisplayDialog(this.view, browser);
    const marks = new MarksDialog(this.view, facts);
    const picture = new PictureDialog(compared, this.screen, facts);
    const differences = new DifferencesDialog(pair);
    this.difference = new DifferenceControls(this.view, browser);
    this.pairRow = new PairRow(pair, this.difference.element, () => differences.show());
    const counting = new Counting(() => compared.changed());
    this.screen.describers.push(() => {
      this.pairRow.describe();
      this.difference.describe();
      differences.describe();
      if (compared.difference && (this.view.difference || differences.element.open)) counting.ask(compared.difference);
    });
    this.element.append(this.screen.bar.element, this.pairRow.element, this.screen.planes, foot.element);
    this.element.append(help, display.element, marks.element, picture.element, differences.element);
    listenToKeys(this.element, this.view, keys);
  }

  /** Away, and back. */
  foldReport() {
    const folded = this.element.closest(".ct-page")?.classList.toggle("ct-folded") ?? false;
    this.screen.bar.showFolded(folded);
  }

  /** And back. A browser may refuse it, which is seen. */
  fillScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.element.requestFullscreen().catch(() => {});
  }
}
