import assert from "node:assert/strict";
import test from "node:test";

import { Edits, afterBullet, dropped, endOf } from "../../../app/viewer/data/edits.js";
import { memory } from "./fake.mjs";

const REPORT = "Clear lungs. Large right effusion. Normal heart. Old fracture.";
const EFFUSION = "Large right effusion.";
const DENIAL = "No effusion on the right.";

/** A report in which sentences are edited, and which a person types in. */
function edited(findings = REPORT, tab = memory()) {
  const edits = new Edits(tab, "edits");
  const see = (text) => edits.see({ ...edits.texts, findings: text });
  see(findings);
  const place = (text) => {
    const start = edits.texts.findings.indexOf(text);
    assert.ok(start >= 0, text);
    return [start, start + text.length];
  };
  return {
    edits,
    tab,
    text: () => edits.texts.findings,
    type: (from, to) => see(edits.texts.findings.replace(from, () => to)),
    see,
    drop(text) {
      const { start, end } = dropped(edits.texts.findings, ...place(text));
      edits.write("findings", start, end, "");
    },
    write: (text, other) => edits.write("findings", ...place(text), other),
    undo: (i = 0) => edits.undo("findings", edits.edits.findings[i].id),
    count: () => edits.edits.findings.length,
  };
}

test("a dropped sentence takes its space with it and comes back as it was", () => {
  for (const sentence of ["Clear lungs.", EFFUSION, "Old fracture."]) {
    const { drop, undo, text, count } = edited();
    drop(sentence);
    assert.equal(text(), REPORT.replace(sentence, "").replace("  ", " ").trim());
    undo();
    assert.equal(text(), REPORT);
    assert.equal(count(), 0);
  }
});

test("dropped sentences come back in their order, whichever was dropped or comes back first", () => {
  const some = ["Clear lungs.", EFFUSION, "Normal heart.", "Old fracture."];
  for (const drops of [[1, 2], [2, 1], [0, 1], [3, 2], [0, 3], [2, 0], [0, 1, 2, 3], [3, 1, 0, 2]]) {
    for (const undoes of [0, -1]) {
      const { drop, undo, text, count } = edited();
      for (const i of drops) drop(some[i]);
      while (count()) undo(undoes && count() - 1);
      assert.equal(text(), REPORT, `${drops} ${undoes}`);
    }
  }
});

test("a denial stands in the place of the sentence, and undoing it brings the sentence back", () => {
  const { write, undo, text } = edited();
  write(EFFUSION, DENIAL);
  assert.equal(text(), REPORT.replace(EFFUSION, DENIAL));
  undo();
  assert.equal(text(), REPORT);
});

test("what was edited twice goes back to what stood there first", () => {
  const { write, drop, undo, text, count } = edited();
  write(EFFUSION, DENIAL);
  write(DENIAL, "Effusion on the right.");
  drop("Effusion on the right.");
  assert.equal(count(), 1);
  undo();
  assert.equal(text(), REPORT);
  write(EFFUSION, DENIAL);
  write(DENIAL, EFFUSION);
  assert.equal(count(), 0, "it is as it was");
});

test("of two sentences that stand for one, one can be dropped", () => {
  const { write, drop, undo, text, count } = edited();
  write(EFFUSION, "No effusion. No mass.");
  drop("No mass.");
  assert.equal(text(), REPORT.replace(EFFUSION, "No effusion."));
  assert.equal(count(), 1);
  undo();
  assert.equal(text(), REPORT);
});

test("what was typed meanwhile stays where it was typed", () => {
  const { drop, write, type, undo, text } = edited();
  write(EFFUSION, DENIAL);
  drop("Normal heart.");
  type("Clear lungs.", "Lungs are clear now.");
  type("Old fracture.", "Old fracture. New one.");
  undo(1);
  undo();
  assert.equal(text(), "Lungs are clear now. Large right effusion. Normal heart. Old fracture. New one.");
});

test("words typed into a denial are not taken away: the sentence comes back behind them", () => {
  const { write, type, undo, text } = edited();
  write(EFFUSION, DENIAL);
  type("on the right", "on the right or the left");
  undo();
  assert.equal(text(), REPORT.replace(EFFUSION, `No effusion on the right or the left. ${EFFUSION}`));
});

test("a sentence comes back beside what was typed in its place, apart from it", () => {
  const { drop, see, undo, text } = edited("A. B. C.");
  drop("B.");
  see("A.C.");
  undo();
  assert.equal(text(), "A. B. C.");
  drop("C.");
  drop("B.");
  drop("A.");
  see("New");
  undo(2);
  assert.match(text(), /New/);
  assert.match(text(), /(^|\s)C\.(\s|$)/);
});

test("a report that was written anew has nothing of the one before it to put back", () => {
  const { drop, see, count } = edited();
  drop(EFFUSION);
  see("Something else was pasted over all of it.");
  assert.equal(count(), 0);
});

test("a reload forgets nothing, and an edit is still where it was", () => {
  const { drop, write, tab } = edited();
  write("Clear lungs.", "Lungs not clear.");
  drop(EFFUSION);
  const again = edited("Lungs not clear. Normal heart. Old fracture.", tab);
  again.undo(1);
  again.undo();
  assert.equal(again.text(), REPORT);
});

test("the other field has edits of its own", () => {
  const { edits, drop } = edited();
  edits.see({ findings: REPORT, impression: "Effusion." });
  edits.write("impression", 0, 9, "No effusion.");
  drop("Clear lungs.");
  edits.undo("impression", edits.edits.impression[0].id);
  assert.deepEqual(edits.texts, { findings: REPORT.replace("Clear lungs. ", ""), impression: "Effusion." });
  edits.forget();
  assert.deepEqual(edits.edits, { findings: [], impression: [] });
});

test("a sentence alone in its line takes its number with it, and no other does", () => {
  const list = "1. Effusion.\n2. Nodule. Stable.\n• Fog.\n3) Mass";
  const without = (sentence) => {
    const start = list.indexOf(sentence);
    const range = dropped(list, start, start + sentence.length);
    return list.slice(0, range.start) + list.slice(range.end);
  };
  assert.equal(without("Effusion."), "2. Nodule. Stable.\n• Fog.\n3) Mass");
  assert.equal(without("Nodule."), "1. Effusion.\n2. Stable.\n• Fog.\n3) Mass");
  assert.equal(without("• Fog."), "1. Effusion.\n2. Nodule. Stable.\n3) Mass");
  assert.equal(without("3) Mass"), "1. Effusion.\n2. Nodule. Stable.\n• Fog.");
  assert.deepEqual(["• Fog.", "3) Mass", "12 mm nodule."].map(afterBullet), [2, 3, 0]);
});

test("whatever is dropped, typed and undone in whatever order, all that was typed is there", () => {
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 300; round++) {
    const { edits, see } = edited();
    const typed = [];
    for (let turn = 0; turn < 12; turn++) {
      const text = edits.texts.findings;
      const some = [...text.matchAll(/[^.]+\./g)];
      const one = some[random(some.length || 1)];
      const now = edits.edits.findings;
      if (random(3) === 0 && one && !typed.some((word) => one[0].includes(word))) {
        edits.write("findings", one.index, one.index + one[0].length, random(2) ? "" : `Not ${round}.`);
      } else if (random(3) === 1 && now.length) {
        edits.undo("findings", now[random(now.length)].id);
      } else {
        const at = random(text.length + 1);
        const word = String.fromCharCode(0x4e00 + typed.length);
        typed.push(word);
        see(text.slice(0, at) + word + text.slice(at));
      }
      const { findings } = edits.texts;
      for (const word of typed) assert.ok(findings.includes(word), `${word} in ${findings}`);
      for (const edit of edits.edits.findings) assert.equal(findings.slice(edit.at, endOf(edit)), edit.written);
    }
  }
});
