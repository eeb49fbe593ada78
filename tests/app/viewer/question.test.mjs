import assert from "node:assert/strict";
import test from "node:test";

import { differences } from "../../../app/viewer/data/differences.js";
import { Question } from "../../../app/viewer/data/question.js";
import { FakeServer, memory, settle, until } from "./fake.mjs";

const FIELDS = { findings: "One. Two." };

/** A server that answers questions: each news brings a row, until there are `rows`. */
class Asked extends FakeServer {
  rows = 3;
  questions = new Map();
  driver = false;

  ask(name, asked) {
    if (name === "stop" && this.questions.has(asked.run)) this.questions.get(asked.run).stopped = true;
    return super.ask(name === "ask" ? "begun" : name, asked);
  }

  begun({ question }) {
    if (!this.questions.has(question)) this.questions.set(question, { made: 0, stopped: false });
    return { question };
  }

  question({ question }) {
    const known = this.questions.get(question);
    if (!known) return { question: null, version: 0, state: "gone", share: 0, status: "gone", server: this.id };
    if (!known.stopped && known.made < this.rows) known.made++;
    const state = known.stopped ? "stopped" : known.made === 3 ? "finished" : "running";
    const rows = Array.from({ length: known.made }, (_, n) => ({ number: n + 1, run: `r${n}`, is_kept: true }));
    const share = known.made / 3;
    return { question, version: known.made, state, share, status: state, rows, server: this.id, needs_driver: this.driver };
  }
}

function opened(server, tab = memory(), driven = []) {
  return new Question("ablate", server, tab, "somebody", (id) => driven.push(id));
}

test("a question is followed to its end, though every other answer is lost", async (t) => {
  const server = new Asked(t);
  let count = 0;
  server.lose = () => count++ % 2 === 0;
  const question = opened(server);
  question.ask(FIELDS, 3);
  assert.ok(question.running);
  await until(() => question.answer?.state === "finished");
  assert.equal(question.answer.rows.length, 3);
  assert.equal(server.questions.size, 1, "asked again with the same id");
  assert.equal(question.problem, "");
  assert.ok(!question.running);
});

test("a reload finds the question again, and shows at once what was known", async (t) => {
  const server = new Asked(t);
  server.rows = 2;
  const tab = memory();
  const before = opened(server, tab);
  before.ask(FIELDS, 3);
  await until(() => before.answer?.rows.length === 2);
  const after = opened(server, tab);
  after.resume();
  assert.equal(after.answer.rows.length, 2);
  server.rows = 3;
  await until(() => after.answer.state === "finished");
});

test("stop is heard by the server, and what is done stays", async (t) => {
  const server = new Asked(t);
  server.rows = 2;
  const question = opened(server);
  question.ask(FIELDS, 3);
  await until(() => question.answer?.rows.length === 2);
  question.stop();
  await until(() => question.answer.state === "stopped");
  assert.equal(question.answer.rows.length, 2);
});

test("a question that is refused says why, and can be asked again", async (t) => {
  const server = new Asked(t);
  server.refusal = "write at least two sentences";
  const question = opened(server);
  await question.ask(FIELDS, 3);
  assert.equal(question.problem, "write at least two sentences");
  assert.ok(!question.running);
});

test("after a restart of the server the figures stay, and their volumes are told to be gone", async (t) => {
  const server = new Asked(t);
  const question = opened(server);
  question.ask(FIELDS, 3);
  await until(() => question.answer?.state === "finished");
  server.questions.clear();
  server.id = "second";
  await until(() => question.answer.state === "gone");
  assert.match(question.answer.status, /^The server was restarted/);
  assert.deepEqual(question.answer.rows.map((row) => row.is_kept), [false, false, false]);
  assert.ok(!question.running);
});

test("where a request of the page has to drive it, it is driven", async (t) => {
  const server = new Asked(t);
  server.driver = true;
  const driven = [];
  const question = opened(server, memory(), driven);
  question.ask(FIELDS, 3);
  await until(() => driven.length > 0);
  assert.equal(driven[0], [...server.questions.keys()][0]);
  await settle();
});

test("the strip says which slices were kept, and nothing of it for a run that kept none", () => {
  const fields = { findings: "Clear.", seed: 1 };
  assert.deepEqual(differences(fields, { ...fields, kept: "slices 1 to 16" }), ["slices 1 to 16 kept"]);
  assert.deepEqual(differences({ ...fields, kept: "slices 1 to 16" }, fields), []);
});

test("what a volume of a question was asked for with is known after a reload, whatever the fields say then", async (t) => {
  const server = new Asked(t);
  const tab = memory();
  const before = opened(server, tab);
  before.ask(FIELDS, 3);
  await until(() => before.answer?.state === "finished");
  before.answer.whole = { run: "whole", title: "The whole report", is_kept: true };
  before.keep();
  const after = opened(server, tab);
  after.resume();
  assert.deepEqual(after.fieldsOf("whole"), FIELDS);
  assert.equal(after.fieldsOf("another"), null);
});
