import assert from "node:assert/strict";
import test from "node:test";

import { Fields } from "../../../app/viewer/room/fields.js";
import { FakeServer, memory, settle, until } from "./fake.mjs";

const NAMES = ["findings", "impression", "sex", "age", "seed"];

function opened(t, tab = memory()) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const server = new FakeServer(t);
  server.read = ({ findings }) => ({ count: findings });
  const shown = [];
  const fields = new Fields(NAMES, "draft", tab, server, ({ count }) => shown.push(count));
  const write = (findings, seed = 0) => {
    fields.changed([findings, "", "", "", seed]);
    t.mock.timers.tick(1000);
  };
  return { fields, server, shown, write };
}

test("what is written is read by the model, once", async (t) => {
  const { server, shown, write } = opened(t);
  write("Clear.");
  await until(() => shown.length === 1);
  write("Clear.", 7); // the model does not read the seed
  assert.deepEqual(server.names(), ["read"]);
  assert.deepEqual(shown, ["Clear."]);
});

test("a slow reading of an earlier text does not replace that of a later one", async (t) => {
  const { server, shown, write } = opened(t);
  let answerTheFirst;
  const slow = new Promise((resolve) => (answerTheFirst = resolve));
  server.read = async ({ findings }) => {
    if (findings === "earlier") await slow;
    return { count: findings };
  };
  write("earlier");
  write("later");
  await until(() => shown.length === 1);
  answerTheFirst();
  await settle();
  assert.deepEqual(shown, ["later"]);
});

test("a draft comes back, but not an older page's with other fields", (t) => {
  const tab = memory();
  const first = opened(t, tab).fields;
  assert.equal(first.draft(), null);
  first.changed(["Clear.", "", "F", "54", 7]);
  const again = new Fields(NAMES, "draft", tab, null, () => {});
  assert.deepEqual(again.draft(), ["Clear.", "", "F", "54", 7]);
  assert.deepEqual(again.named(again.draft()).age, "54");
  assert.equal(new Fields([...NAMES, "chunks"], "draft", tab, null, () => {}).draft(), null);
  assert.equal(new Fields(NAMES, "another model's draft", tab, null, () => {}).draft(), null);
});
