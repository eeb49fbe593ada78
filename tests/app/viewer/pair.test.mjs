import assert from "node:assert/strict";
import test from "node:test";

import { showPair } from "../../../app/viewer/pair.js";
import { Session } from "../../../app/viewer/session.js";
import { View } from "../../../app/viewer/view.js";
import { removeRun, showRun } from "../../../app/viewer/visit_runs.js";
import { FakeServer, memory, PRESETS, settle, stage, until } from "./fake.mjs";

function opened(server, tab = memory()) {
  const page = stage();
  const session = new Session(new View(PRESETS), page, server, tab, "somebody");
  return { session, pair: session.pair, tab, told: page.told };
}

const complete = (feed) => feed?.manifest?.state === "finished" && feed.holds(feed.manifest.chunks);
const hu = (view) => view.volume && view.volume.hu[0];

/** Another run, to its end. */
async function generate(session, fields = {}) {
  const before = session.shown;
  session.generate(fields);
  await until(() => session.shown !== before && complete(session.shown));
}

/** A session that has made so many runs, one after another. */
async function madeRuns(t, count) {
  const server = new FakeServer(t);
  const all = opened(server);
  const runs = [];
  for (let i = 0; i < count; i++) {
    await generate(all.session, { findings: `${i}`, seed: i });
    runs.push(all.session.shown.run);
  }
  return { server, runs, ...all };
}

test("who generates again has the volume of before as B, and sees the new one alone", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 1);
  assert.equal(pair.run, null);
  await generate(session);
  const { compared } = pair;
  assert.deepEqual([pair.run, hu(compared.a), hu(compared.b), compared.shown], [runs[0], 200, 100, "alone"]);
  assert.match(compared.a.name, /^A/);
  pair.setMode("side");
  await generate(session);
  assert.deepEqual([hu(compared.a), hu(compared.b), compared.shown], [300, 200, "side"], "the way of showing them stays");
});

test("a run that the person holds as B stays B", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 2);
  pair.hold(runs[0]);
  await generate(session);
  await generate(session);
  assert.deepEqual([pair.run, hu(pair.compared.a), hu(pair.compared.b)], [runs[0], 400, 100]);
});

test("the same run can be both, which is said, until another one is shown", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 2);
  pair.hold(runs[1]);
  assert.match(pair.words, /^A and B are the same volume/);
  assert.equal(pair.canSwap, false);
  showRun(session, runs[0]);
  assert.deepEqual([pair.words, hu(pair.compared.a), hu(pair.compared.b)], ["", 100, 200]);
});

test("swapped, each is in the other's place, and both are looked at where they were", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 2);
  const { a, b } = pair.compared;
  a.moveTo([1, 2, 1]);
  pair.setMode("side");
  pair.swap();
  assert.deepEqual([session.shown.run, pair.run], runs);
  assert.deepEqual([hu(a), hu(b), a.point, b.point], [100, 200, [1, 2, 1], [1, 2, 1]]);
  assert.equal(pair.compared.shown, "side");
});

test("where the seeds are alike, the names of the strip tell A from B in the planes, and not in a picture", async (t) => {
  const server = new FakeServer(t);
  const { session, pair } = opened(server);
  await generate(session, { findings: "Small right effusion.", seed: 4 });
  await generate(session, { findings: "Large left effusion with atelectasis of the lower lobe.", seed: 4 });
  const { a, b } = pair.compared;
  assert.deepEqual([a.label, b.label], ["A · Large left effusion with at…", "B · Small right effusion."]);
  session.visit.change(pair.run, { name: "Before" });
  pair.update();
  assert.equal(b.label, "B · Before");
  a.settings.showsOwnNames = false;
  assert.deepEqual([a.label, b.label], ["A · seed 4", "B · seed 4"]);
  a.settings.showsOwnNames = true;
  await generate(session, { findings: "Large left effusion with atelectasis of the lower lobe.", seed: 4 });
  assert.deepEqual([a.label, b.label], ["A · seed 4", "B · seed 4"], "the names are alike, too");
  await generate(session, { findings: "Clear.", seed: 5 });
  assert.deepEqual([a.label, b.label], ["A · seed 5", "B · seed 4"]);
});

test("the name of a scan, which is that of its file, is in no plane", async (t) => {
  const { server, session, pair } = await madeRuns(t, 1);
  for (const run of ["s", "t"]) {
    server.begin(run);
    session.visit.addScan(run, `Doe ${run}.nii`, "Scan", 0);
  }
  showPair(session, "s", "t", "side");
  await until(() => complete(pair.feed) && complete(session.shown));
  assert.deepEqual([pair.compared.a.label, pair.compared.b.label], ["A", "B"]);
});

test("others can open a comparison of two runs", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 3);
  showPair(session, runs[0], runs[1], "swipe");
  assert.deepEqual([hu(pair.compared.a), hu(pair.compared.b), pair.compared.shown], [100, 200, "swipe"]);
  await generate(session);
  assert.equal(pair.run, runs[0], "nobody has held the other one");
});

test("a reload finds A, B, how they are shown, and the marks in both", async (t) => {
  const { session, pair, runs, server, tab } = await madeRuns(t, 2);
  pair.hold(runs[0]);
  pair.setMode("swipe");
  pair.compared.setShare(0.3);
  pair.setAligned(true);
  pair.compared.a.volume.marks.begin("hu", 2, [1, 1, 1]);
  pair.compared.b.volume.marks.begin("hu", 2, [2, 2, 2]);
  session.saveView();
  const second = opened(server, tab);
  await second.session.resume();
  await until(() => second.pair.compared.isOpen && complete(second.pair.feed));
  const { a, b, shown, share, wantsAligned } = second.pair.compared;
  assert.deepEqual([hu(a), hu(b), shown, share, wantsAligned], [200, 100, "swipe", 0.3, true]);
  const places = [a, b].map(({ volume }) => volume.marks.list.map(({ points }) => points[0]));
  assert.deepEqual(places, [[[1, 1, 1]], [[2, 2, 2]]]);
  await generate(second.session);
  assert.equal(second.pair.run, runs[0], "it is still held");
});

test("a run that is deleted while it is B closes the comparison, and says so", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 2);
  pair.setMode("side");
  removeRun(session, runs[0]);
  assert.deepEqual([pair.run, pair.compared.shown, pair.compared.b.volume], [null, "alone", null]);
  assert.equal(pair.words, "B was deleted, so the comparison is closed.");
  await generate(session);
  assert.equal(pair.run, runs[1]);
  assert.equal(pair.words, "");
});

test("a run that is deleted while it is A leaves B, and another one becomes A", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 3);
  removeRun(session, runs[2]);
  assert.equal(session.shown.run, runs[1]);
  assert.match(pair.words, /^A and B are the same volume/);
});

test("a server that was restarted with A and B on the screen leaves both there, and says so of both", async (t) => {
  const { server, session, pair, told } = await madeRuns(t, 2);
  server.runs.clear();
  server.id = "second";
  await until(() => !session.shown && !pair.feed);
  assert.match(told.shown.at(-1).status, /^The server was restarted/);
  assert.match(pair.words, /^B is no longer on the server. Its slices that you see stay/);
  assert.deepEqual([hu(pair.compared.a), hu(pair.compared.b)], [200, 100]);
  pair.setMode("side");
  assert.equal(pair.compared.shown, "side");
  assert.equal(pair.canSwap, false);
  await generate(session);
  assert.deepEqual([hu(pair.compared.a), hu(pair.compared.b)], [100, 200], "A that was lost can still be B");
  assert.match(pair.words, /^B is no longer/);
});

test("a reload after that finds neither, and says so", async (t) => {
  const { server, session, tab } = await madeRuns(t, 2);
  session.saveView();
  server.runs.clear();
  const second = opened(server, tab);
  await second.session.resume();
  await until(() => second.pair.words);
  await until(() => !second.pair.feed);
  assert.equal(second.pair.words, "B is no longer on the server. Hold another run as B.");
  assert.equal(second.told.shown.at(-1).status, "no longer here");
});

test("B that waits, is being made, was stopped or has no slice is told as such", async (t) => {
  const { server, session, pair, runs } = await madeRuns(t, 1);
  server.begin("b", { waiting: true });
  pair.hold("b");
  await until(() => pair.feed.manifest);
  assert.equal(pair.words, "B has no slices yet.");
  Object.assign(server.runs.get("b"), { waiting: false, allowed: 3 });
  await until(() => pair.feed.held.size === 3);
  assert.equal(pair.words, "B is being made: 3 of 4 slices.");
  server.runs.get("b").stopped = true;
  await until(() => !pair.feed.running);
  assert.equal(pair.words, "B is incomplete: 3 of 4 slices.");
  server.begin("none", { waiting: true });
  server.runs.get("none").stopped = true;
  pair.hold("none");
  await until(() => pair.feed.manifest);
  assert.equal(pair.words, "B ended before its first slice. Hold another run as B.");
  assert.equal(session.shown.run, runs[0], "A is as it was");
});

test("what is lost or refused about B is said of B", async (t) => {
  const { server, pair, told } = await madeRuns(t, 2);
  server.refusal = "Log in first.";
  await until(() => pair.words === "Log in first.");
  server.refusal = null;
  await until(() => pair.words === "");
  server.lose = (name, { run }) => run === pair.run;
  await until(() => pair.words.startsWith("The server does not answer about B"));
  server.lose = () => false;
  await until(() => pair.words === "");
  assert.ok(told.shown.length);
});

test("four volumes are in the page; the oldest leave first, never A or B, and come back with their marks", async (t) => {
  const { session, pair, runs } = await madeRuns(t, 4);
  session.view.volume.marks.begin("hu", 2, [1, 1, 1]);
  pair.hold(runs[0]);
  for (let i = 0; i < 3; i++) {
    await generate(session);
    runs.push(session.shown.run);
  }
  const held = runs.filter((run) => session.feeds.get(run));
  assert.deepEqual(held, [runs[0], runs[4], runs[5], runs[6]]);
  pair.hold(runs[3]);
  await until(() => complete(pair.feed));
  assert.deepEqual([hu(pair.compared.b), pair.compared.b.volume.marks.list.length], [400, 1]);
  assert.equal(session.feeds.size, 4);
  await settle();
  assert.equal(hu(session.view), 700);
});

test("two tabs compare each for itself, and one may delete what the other holds", async (t) => {
  const { server, session, pair, runs } = await madeRuns(t, 2);
  const other = opened(server, memory());
  showPair(other.session, runs[1], runs[0], "side");
  await until(() => complete(other.pair.feed) && complete(other.session.shown));
  removeRun(session, runs[0]);
  await settle();
  assert.deepEqual([pair.run, hu(other.pair.compared.b), other.pair.compared.shown], [null, 100, "side"]);
});
