// How the files of a scan travel, and what the server is told of their names.

import assert from "node:assert/strict";
import test from "node:test";

import { UNREADABLE, kindOf, scanFiles, send } from "../../../app/viewer/data/sending.js";

test("of a name the server is told its kind alone", () => {
  const kinds = {
    "Doe Jane.nii.gz": "x.nii.gz", "SCAN.NRRD": "x.nrrd", "IM0001": "1", "1.2.840.113619": "1", README: "x", "a.toolongending": "x",
  };
  for (const [name, kind] of Object.entries(kinds)) assert.equal(kindOf(name), kind);
});

test("what the system lays beside slices, and a directory that names others, is not sent", () => {
  const names = ["1.dcm", "DICOMDIR", "dicomdir", ".DS_Store", "._1.dcm", "Thumbs.db", "2.dcm"];
  assert.deepEqual(scanFiles(names.map((name) => new File([], name))).map(({ name }) => name), ["1.dcm", "2.dcm"]);
});

/** A server that keeps what arrives, and loses the answers that `lose` says. */
function fakeServer(lose = () => false) {
  let kept = new Uint8Array(0);
  let asked = 0;
  return {
    kept: () => kept,
    pause: async () => {},
    async sendPiece(run, offset, blob) {
      if (offset === kept.length) kept = new Uint8Array(await new Blob([kept, blob]).arrayBuffer());
      return lose(asked++) ? null : { received: kept.length };
    },
  };
}

const told = (changes = {}) => ({ wanted: () => true, sent: () => {}, lost: () => {}, ...changes });

test("files arrive one after the other, each byte once, whatever answers are lost", async () => {
  const files = [new File(["first"], "1"), new File([new Uint8Array(5 << 20).fill(7)], "2"), new File(["last"], "3")];
  const server = fakeServer((n) => n % 2 === 0);
  let losses = 0;
  assert.equal(await send("run", files, server, told({ lost: () => losses++ })), "");
  const kept = server.kept();
  assert.equal(kept.length, 5 + (5 << 20) + 4);
  assert.equal(String.fromCharCode(...kept.slice(0, 5)), "first");
  assert.equal(String.fromCharCode(...kept.slice(-4)), "last");
  assert.ok(losses > 0);
});

test("sending ends where it is refused, not taken, or no longer wanted", async () => {
  const files = [new File(["words"], "1")];
  const refusing = { pause: async () => {}, sendPiece: async () => ({ problem: "full", received: 0 }) };
  assert.equal(await send("run", files, refusing, told()), "full");
  const over = { pause: async () => {}, sendPiece: async (run, offset) => ({ received: offset }) };
  assert.equal(await send("run", files, over, told()), "");
  assert.equal(await send("run", files, null, told({ wanted: () => false })), "");
});

test("a file that can no longer be read is said to be so, and not taken for a lost connection", async (t) => {
  t.mock.method(Blob.prototype, "arrayBuffer", async () => {
    throw new DOMException("it was removed", "NotReadableError");
  });
  const server = { pause: async () => {}, sendPiece: async () => null };
  assert.equal(await send("run", [new File(["words"], "1")], server, told()), UNREADABLE);
});
