// @ts-check
// One plane on the screen: its canvas, and below it what is for this plane alone: cine, the slice, the slab.

import { PlaneCanvas } from "../draw/canvas.js";
import { legendWords } from "../draw/legend.js";
import { SLAB_KINDS, SLAB_MM, SLAB_NAMES } from "../draw/slab.js";
import { title } from "../draw/words.js";
import { make, makeIconButton, makeNumber, makeSelect, setPressed, setValue } from "./elements.js";
import { listenToPointer } from "./pointer.js";

/** @typedef {import("../draw/slab.js").SlabKind} SlabKind */
/** @typedef {import("../draw/layer.js").Layer} Layer */
/** @typedef {import("../draw/plane.js").Plane} Plane */
/** @typedef {import("../view.js").View} View */
/** @typedef {import("./pointer.js").Seen} Seen */
/** @typedef {import("./pointer.js").Pointer} Pointer */

export class Pane {
  /**
   * @param {Layer} layer
   * @param {string} prefix     of all its labels: which of two volumes it is
   * @param {(pointer: Pointer) => void} hover
   * @param {(x: number) => Seen} seenAt  what is seen at a place of the canvas
   * @param {(pen: import("../draw/pen.js").Pen, width: number, height: number) => void} paint  CSS pixels
   */
  constructor({ plane, view }, prefix, hover, seenAt, paint) {
    this.plane = plane;
    this.view = view;
    this.prefix = prefix;
    const name = `${prefix}${plane.name}`;
    this.canvas = make("canvas", "ctv-canvas", { tabindex: "0", role: "application" });
    this.slider = make("input", "ctv-slider", {
      type: "range", min: "0", max: "0", step: "1", value: "0", "aria-label": `${name} slice`,
    });
    this.play = makeIconButton("play", `${name} cine`, "Run through the slices, and stop (k)", () =>
      view.settings.setPlaying(view.settings.playing === plane.leader ? null : plane),
    );
    this.slab = makeSelect(`${name} slab`, "One slice, or a slab of several: greatest, least or mean HU (s)",
      SLAB_KINDS.map((kind) => [kind, SLAB_NAMES[kind]]),
      (kind) => view.setSlab(plane, { ...plane.slab, kind: /** @type {SlabKind} */ (kind) }));
    this.thickness = makeNumber(`${name} slab, mm`, "Thickness of the slab in mm ([ and ])", SLAB_MM, (mm) =>
      view.setSlab(plane, { ...plane.slab, mm }),
    );
    this.whole = makeIconButton("whole", `${name} alone`, "Give this plane all the room, and take it back (m)", () =>
      view.settings.maximise(plane),
    );
    const row = make("div", "ctv-row", {}, [this.play, this.slider, this.slab, this.thickness, this.whole]);
    this.box = make("div", `ctv-plane ctv-${name.toLowerCase().replaceAll(" ", "-")}`, {}, [this.canvas, row]);
    this.drawing = new PlaneCanvas(this.canvas, paint);
    this.listen(hover, seenAt);
  }

  /**
   * @param {(pointer: Pointer) => void} hover
   * @param {(x: number) => Seen} seenAt
   */
  listen(hover, seenAt) {
    const { plane, view, box, canvas, slider } = this;
    listenToPointer(canvas, seenAt, hover);
    box.addEventListener("focusin", () => view.activate(plane));
    canvas.addEventListener("pointerleave", () => this.pointerLeft());
    slider.addEventListener("pointerenter", () => view.activate(plane));
    slider.addEventListener("input", () => view.scrollTo(plane, Number(slider.value)));
    new ResizeObserver(() => {
      this.fit();
      hover(null); // what is under the pointer now is known when it moves
    }).observe(canvas);
  }

  /** Keys go back to the plane that has the focus. */
  pointerLeft() {
    const focused = document.activeElement?.closest(".ctv-plane");
    focused?.dispatchEvent(new FocusEvent("focusin"));
  }

  /** The canvas has another size, or the screen other pixels. */
  fit() {
    this.drawing.fit();
    this.drawing.draw(); // at once, because `fit` has wiped it
  }

  draw() {
    this.describe();
    this.drawing.draw();
  }

  describe() {
    const { plane, box, canvas, slider } = this;
    const { volume, point, settings } = this.view;
    const { tool, maximised, active } = settings;
    box.classList.toggle("ctv-whole", maximised === plane.leader);
    box.classList.toggle("ctv-away", maximised !== null && maximised !== plane.leader);
    box.classList.toggle("ctv-active", active === plane);
    canvas.style.cursor = tool.cursor;
    slider.disabled = !volume;
    if (volume) {
      slider.max = String(volume.axes[plane.through].size - 1);
      slider.value = String(point[plane.through]);
    }
    this.describeRow();
    const label = `${this.prefix}${volume ? describe(plane, this.view) : `${plane.name} plane, empty`}`;
    if (canvas.getAttribute("aria-label") === label) return;
    canvas.setAttribute("aria-label", label);
    slider.setAttribute("aria-valuetext", label);
  }

  describeRow() {
    const { plane, view, play, slab, thickness, whole } = this;
    play.disabled = !view.volume;
    setPressed(play, view.settings.playing === plane.leader);
    setPressed(whole, view.settings.maximised === plane.leader);
    setValue(slab, plane.slab.kind);
    setValue(thickness, String(plane.slab.mm));
    thickness.hidden = plane.slab.kind === "none";
  }
}

/**
 * @param {Plane} plane
 * @param {View} view
 */
function describe(plane, view) {
  const { difference, display: { scale } } = view;
  const shown = difference ? [`difference ${legendWords(plane.slab, scale.threshold)}`, difference.note] : [];
  return [title(plane, view), ...shown, view.words].filter(Boolean).join(", ");
}
