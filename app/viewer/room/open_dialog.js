// @ts-check
// Opens a scan or a settings file: which, how far it is, which series of several, and why it cannot be opened.

import { make, makeButton, makeDialog } from "./elements.js";

/** @typedef {import("../opening.js").Opening} Opening */
/** @typedef {import("../data/transport.js").Series} Series */

const WHAT = "A scan: NIfTI (.nii, .nii.gz), NRRD, MHA, or a DICOM series as files, a folder or a zip. Or the settings (.json) of a volume, to make it again. You can also drop them anywhere on the page.";
const WHERE = "A scan is sent to this server, which keeps its voxels and geometry for this visit, and nothing else. Not for diagnosis.";

export class OpenDialog {
  /** @param {Opening} opening */
  constructor(opening) {
    this.opening = opening;
    this.files = makePicker({ multiple: "" }, (files) => opening.open(files));
    this.folder = makePicker({ webkitdirectory: "" }, (files) => opening.open(files));
    this.pick = make("div", "ctv-group", {}, [
      makeButton("Choose files…", "A scan's file, a zip, or the files of one DICOM series", () => this.files.click()),
      makeButton("Choose folder…", "A folder with DICOM files", () => this.folder.click()),
    ]);
    this.done = make("div", "ctv-done");
    this.progress = make(
      "div",
      "ctv-progress",
      { role: "progressbar", "aria-label": "Opening", "aria-valuemin": "0", "aria-valuemax": "100" },
      [this.done],
    );
    this.status = make("p", "ctv-note", { role: "status" });
    this.problem = make("p", "ct-problem", { role: "alert" });
    this.series = make("fieldset", "ctv-series");
    this.element = makeDialog("Open", [
      make("h2", "", { text: "Open a scan or settings" }),
      make("p", "", { text: WHAT }),
      make("p", "ctv-note", { text: WHERE }),
      this.pick,
      this.problem,
      this.series,
      this.progress,
      this.status,
    ]);
    this.element.classList.add("ctv-open");
    this.close = /** @type {HTMLButtonElement} */ (this.element.lastElementChild);
    this.element.append(this.files, this.folder);
    this.element.addEventListener("close", () => this.closed());
    opening.changed = () => this.update();
    opening.done = () => this.element.close();
    this.update();
  }

  /** With what the last one has left said no more. */
  show() {
    if (!this.opening.told.busy) this.opening.cancel();
    if (!this.element.open) this.element.showModal();
  }

  /**
   * Files that were dropped; null where they cannot be read.
   * @param {File[] | null} files
   */
  open(files) {
    this.show();
    this.opening.open(files);
  }

  /** Whoever closes it wants it no longer. */
  closed() {
    if (this.opening.told.busy) this.opening.cancel();
  }

  update() {
    const { busy, status, share, series, problem } = this.opening.told;
    this.pick.hidden = busy;
    this.progress.hidden = !busy || series.length > 0;
    this.done.style.width = `${100 * share}%`;
    this.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    if (this.status.textContent !== status) this.status.textContent = status;
    this.problem.textContent = problem;
    this.problem.hidden = !problem;
    this.close.textContent = busy ? "Cancel" : "Close";
    this.close.title = busy ? "Do not open it (Esc)" : "Close (Esc)";
    this.offer(series);
  }

  /** @param {Series[]} series */
  offer(series) {
    this.series.hidden = !series.length;
    if (this.series.childElementCount && series.length) return; // offered already: a choice that was begun stays
    this.series.replaceChildren();
    if (!series.length) return;
    const options = series.map((one, i) => makeOption(one, i));
    const choose = () => {
      const chosen = /** @type {HTMLInputElement} */ (this.series.querySelector("input:checked"));
      this.opening.choose(Number(chosen.value));
    };
    this.series.append(
      make("legend", "", { text: `It holds ${series.length} series. Which one?` }),
      ...options,
      makeButton("Open this series", "Open the series that is chosen", choose),
    );
    this.series.querySelector("input")?.focus();
  }
}

/**
 * @param {Record<string, string>} attributes
 * @param {(files: File[]) => void} take
 */
function makePicker(attributes, take) {
  const input = make("input", "", { type: "file", hidden: "", "aria-label": "Files to open", ...attributes });
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that the same one can be chosen again
    take(files);
  });
  return input;
}

/**
 * @param {Series} series
 * @param {number} i
 */
function makeOption({ description, modality, slices, spacing }, i) {
  const input = make("input", "", { type: "radio", name: "series", value: String(i) });
  input.checked = i === 0;
  const words = [description || "No description", modality, `${slices} ${slices === 1 ? "slice" : "slices"}`, spacing];
  return make("label", "", {}, [input, words.filter(Boolean).join(" · ")]);
}
