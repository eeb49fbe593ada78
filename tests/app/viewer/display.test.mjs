import assert from "node:assert/strict";
import test from "node:test";

import { facts, reportText, UNKNOWN } from "../../../app/viewer/data/facts.js";
import { Display, SWITCHES } from "../../../app/viewer/display.js";
import { captionLines } from "../../../app/viewer/draw/caption.js";
import { breakLine } from "../../../app/viewer/draw/snapshot.js";
import { nextLayout } from "../../../app/viewer/room/bar.js";
import { press, shortcuts } from "../../../app/viewer/room/keyboard.js";
import { numbered, PRESETS, viewOf } from "./fake.mjs";

const KNOWN = { seed: 7, digest: "3f0c9a1e", report: "Findings: Clear.", caption: "" };

function key(view, name, modifiers = {}) {
  return press(shortcuts(view, {}), { key: name, altKey: false, shiftKey: false, ...modifiers }, view);
}

test("own windows come after everybody's, have keys, and a name is there once", () => {
  const view = viewOf(numbered());
  const { display } = view;
  display.addOwn([{ name: "Liver", width: 150, level: 30 }, { name: "Fat", width: 200, level: -100 }]);
  key(view, "3");
  assert.deepEqual([display.window, display.preset.name], [{ width: 150, level: 30 }, "Liver"]);
  display.addOwn([{ name: "Liver", width: 160, level: 40 }]);
  assert.deepEqual(display.presets.map(({ name }) => name), ["Lung", "Bone", "Fat", "Liver"]);
  assert.equal(display.preset, undefined, "the window that is shown stays");
  display.removeOwn(display.own[0]);
  assert.deepEqual(display.presets.map(({ name }) => name), ["Lung", "Bone", "Liver"]);
});

test("each switch has a key of its own, which nothing else has", () => {
  const view = viewOf(numbered());
  for (const [name, { key: own }] of Object.entries(SWITCHES)) {
    const before = view.display[name];
    assert.ok(key(view, own));
    assert.equal(view.display[name], !before, name);
    const takers = shortcuts(view, {}).filter((shortcut) => shortcut.press?.({ key: own }, view.active, view));
    assert.equal(takers.length, 1, name);
  }
});

test("a display comes back as it was", () => {
  const before = new Display(PRESETS, () => {});
  before.toggle("inverted");
  before.toggle("words");
  before.setWindow({ width: 77, level: 5 });
  const after = new Display(PRESETS, () => {});
  after.restore(JSON.parse(JSON.stringify(before.state())));
  assert.deepEqual(after.state(), before.state());
  assert.deepEqual(after.greys, before.greys);
});

test("layouts follow one another, and one plane is the one that keys are for", () => {
  const view = viewOf(numbered());
  view.activate(view.planes[2]);
  const seen = [];
  for (let i = 0; i < 4; i++) {
    key(view, "v");
    seen.push(view.settings.maximised ? view.settings.maximised.name : view.settings.layout);
  }
  assert.deepEqual(seen, ["row", "Sagittal", "large", "row"]);
  nextLayout(view);
  key(view, "m");
  assert.equal(view.settings.layout, "row", "who takes the room back has the layout of before");
});

test("k runs cine in the plane that keys are for, and stops it", () => {
  const view = viewOf(numbered());
  view.activate(view.planes[1]);
  key(view, "k");
  assert.equal(view.settings.playing, view.planes[1]);
  key(view, "k");
  assert.equal(view.settings.playing, null);
});

test("below a picture stands what it is of, and the report only if it was asked for", () => {
  const view = viewOf(numbered());
  const known = facts("Demo model", KNOWN);
  view.setSlab(view.planes[1], { kind: "mip", mm: 3 });
  view.display.toggle("inverted");
  assert.deepEqual(captionLines([view], () => known, false), [
    "SYNTHETIC, not for diagnosis · Demo model · seed 7 · report and settings 3f0c9a1e",
    "W 1500 L -600 · Axial 1 / 4 · Coronal 3 to 4 / 5 MIP 3 mm · Sagittal 4 / 6 · inverted",
  ]);
  view.settings.maximise(view.planes[2]);
  const [, seen, report] = captionLines([view], () => known, true);
  assert.equal(seen, "W 1500 L -600 · Sagittal 4 / 6 · inverted");
  assert.equal(report, "Findings: Clear.");
  assert.equal(captionLines([view], () => facts("Demo model", UNKNOWN), true).length, 2, "a report that is not known");
});

test("a file's name says that it is synthetic, and which volume it is of", () => {
  assert.equal(facts("Demo model", KNOWN).fileName, "synthetic-ctflow-3f0c9a1e-seed7");
  assert.equal(facts("Demo model", { ...UNKNOWN, caption: "Example", seed: 0 }).fileName, "synthetic-ctflow-example-seed0");
});

test("long lines break at spaces, and a word that is too long stays whole", () => {
  const width = (part) => part.length;
  assert.deepEqual(breakLine("one two three four", 9, width), ["one two", "three", "four"]);
  assert.deepEqual(breakLine("incomprehensible is long", 7, width), ["incomprehensible", "is long"]);
});

test("a report is told in one line, without what was not written", () => {
  assert.equal(reportText({ findings: " Clear. ", impression: "" }), "Findings: Clear.");
  assert.equal(reportText({ findings: "Clear.", impression: "Normal." }), "Findings: Clear. Impression: Normal.");
  assert.equal(reportText(undefined), "");
});
