// @ts-check
// The files that can be taken away of a run, a button each.

import { make, makeButton } from "./elements.js";

/** By the names that the server gives to the kinds (app/export.py): what stands on the button, and what it does. */
const KINDS = {
  nifti: ["NIfTI", "Download the slices made so far as a .nii.gz; an unfinished volume says so in its name"],
  dicom: ["DICOM (zip)", "Download the slices made so far as a DICOM series in a zip, one file a slice, for a PACS"],
  sidecar: ["Settings (JSON)", "Download report, seed and settings: with them the command line makes this volume again"],
};

const OF_A_SCAN = ["nifti"]; // it has no settings, and our DICOM series say that they are synthetic

export class Downloads {
  /** @param {(kind: string, button: HTMLButtonElement) => void} download */
  constructor(download) {
    this.buttons = Object.entries(KINDS).map(([kind, [text, title]]) => {
      const button = makeButton(text, title, () => download(kind, button));
      button.setAttribute("aria-label", `Download ${text}`);
      return { kind, button };
    });
    const label = make("span", "ctv-dim", { text: "Download", "aria-hidden": "true" });
    this.element = make("div", "ctv-group ctv-downloads", { role: "group", "aria-label": "Download" }, [label, ...this.buttons.map(({ button }) => button)]);
  }

  /**
   * @param {boolean} enabled
   * @param {boolean} isScan
   */
  enable(enabled, isScan = false) {
    for (const { kind, button } of this.buttons) {
      button.disabled = !enabled;
      button.hidden = isScan && !OF_A_SCAN.includes(kind);
    }
  }
}
