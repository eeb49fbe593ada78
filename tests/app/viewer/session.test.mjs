import assert from "node:assert/strict";
import test from "node:test";

import { Example } from "../../../app/viewer/data/example.js";
import { Feed } from "../../../app/viewer/data/feed.js";
import { Session } from "../../../app/viewer/session.js";
import { Visit } from "../../../app/viewer/data/visit.js";
import { View } from "../../../app/viewer/view.js";
import { removeRun, showRun } from "../../../app/viewer/visit_runs.js";
import { FakeServer, grid, memory, points, PRESETS, settle, stage, until } from "./fake.mjs";

const QUIET = { news() {}, slices() {}, lost() {}, refused() {}, gone() {} };

function opened(server, tab = memory(), example = null) {
  const page = stage();
  const session = new Session(new View(PRESETS), page, server, tab, "somebody", example);
  return { session, page, tab, told: page.told };
}

/** What each slice of a volume is filled with; null where it is not made. */
function slices(volume) {
  const [count, rows, columns] = volume.shape;
  return Array.from({ length: count }, (_, n) => {
    const voxels = new Set(volume.hu.subarray(n * rows * columns, (n + 1) * rows * columns));
    assert.equal(voxels.size, 1);
    return volume.made[n] ? [...voxels][0] : null;
  });
}

const complete = (feed) => feed.manifest?.state === "finished" && feed.holds(feed.manifest.chunks);

test("two feeds side by side keep volumes of their own, and both complete", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { axes: ["I", "P", "L"], slices: 4 });
  server.begin("b", { axes: ["S", "A", "R"], slices: 3 });
  const feeds = ["a", "b"].map((run) => new Feed(run, server, QUIET));
  for (const feed of feeds) feed.follow();
  await until(() => feeds.every(complete));
  assert.deepEqual(slices(feeds[0].volume), [100, 101, 102, 103]);
  assert.deepEqual(slices(feeds[1].volume), [200, 201, 202]);
});

test("a session holds two runs and shows one; the other is made all the same, and can be shown", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { allowed: 2 });
  server.begin("b");
  const { session, told } = opened(server);
  const [a, b] = ["a", "b"].map((run) => session.hold(run));
  session.show(a);
  await until(() => complete(b) && a.held.size === 2);
  assert.deepEqual(slices(session.view.volume), [100, 101, null, null]);
  assert.ok(told.shown.every(({ status }) => !status.startsWith("b")));
  assert.equal(session.busy, true);
  session.show(b);
  assert.deepEqual(slices(session.view.volume), [200, 201, 202, 203]);
  assert.equal(session.busy, false, "what is shown is done");
  server.runs.get("a").allowed = 4;
  await until(() => complete(a));
  assert.equal(session.view.volume, b.volume);
  session.show(a);
  assert.deepEqual(slices(session.view.volume), [100, 101, 102, 103]);
});

test("a volume that stood in for a run in line is no previous one when its own run is shown again", async (t) => {
  const server = new FakeServer(t);
  server.begin("a");
  server.begin("b", { waiting: true });
  const { session } = opened(server);
  const [a, b] = ["a", "b"].map((run) => session.hold(run));
  session.show(a);
  await until(() => complete(a) && b.manifest);
  session.show(b);
  assert.equal(session.view.caption, "Previous volume");
  assert.equal(session.view.growing, false);
  session.show(a);
  assert.equal(session.view.caption, "");
});

test("a draft is shown, and said to be one, until its slices are there", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { draft: 3, allowed: 1 });
  const { session } = opened(server);
  session.show(session.hold("a"));
  const { view } = session;
  await until(() => view.volume?.hasDraft);
  await until(() => session.shown.held.size === 1);
  assert.deepEqual(slices(view.volume), [100, -1, -1, null]);
  assert.equal(view.words, "Draft");
  assert.equal(view.point[2], view.volume.positionOf(2), "the last slice that is there to be seen");
  server.runs.get("a").allowed = 3;
  await until(() => !view.volume.hasDraft);
  assert.deepEqual(slices(view.volume), [100, 101, 102, null]);
  assert.equal(view.words, "");
});

test("nothing of a draft is left of a run that is stopped", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { draft: 3, allowed: 1 });
  const { session } = opened(server);
  session.show(session.hold("a"));
  await until(() => session.view.volume?.hasDraft && session.shown.held.size === 1);
  session.stop();
  await until(() => !session.view.volume.hasDraft);
  assert.deepEqual(slices(session.view.volume), [100, null, null, null]);
});

test("a feed that is closed takes nothing more", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { allowed: 1 });
  const feed = new Feed("a", server, QUIET);
  feed.follow();
  await until(() => feed.held.size === 1);
  feed.close();
  server.runs.get("a").allowed = 4;
  await settle();
  const asked = server.asked.length;
  await settle();
  assert.deepEqual([feed.held.size, server.asked.length], [1, asked]);
});

test("a lost answer and a lost chunk are asked for again", async (t) => {
  const server = new FakeServer(t);
  server.begin("a");
  let [lost, chunksLost] = [0, 0];
  server.lose = () => server.asked.length % 3 === 1;
  server.loseChunk = (path) => path === "a/1" && chunksLost++ < 2;
  const feed = new Feed("a", server, { ...QUIET, lost: () => lost++ });
  feed.follow();
  await until(() => complete(feed));
  assert.ok(lost > 0);
  assert.equal(chunksLost, 3);
  assert.deepEqual(slices(feed.volume), [100, 101, 102, 103]);
});

test("a volume that ends early is shortened, and its feed is complete", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { slices: 6, endsAt: 3 });
  const feed = new Feed("a", server, QUIET);
  feed.follow();
  await until(() => complete(feed));
  assert.deepEqual(slices(feed.volume), [100, 101, 102]);
});

test("Generate pressed twice at once starts one run", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  session.generate({ findings: "Clear." });
  session.generate({ findings: "Clear." });
  await until(() => session.shown && complete(session.shown));
  assert.equal(server.runs.size, 1);
  assert.equal(session.busy, false);
});

test("a start whose answer is lost is asked again for the same run", async (t) => {
  const server = new FakeServer(t);
  let losses = 2;
  server.lose = (name) => name === "start" && losses-- > 0;
  const { session, told } = opened(server);
  session.generate({ findings: "Clear." });
  await until(() => session.shown && complete(session.shown));
  assert.equal(server.runs.size, 1);
  assert.equal(server.names().filter((name) => name === "start").length, 3);
  assert.ok(told.said.some((status) => status.startsWith("The server does not answer")));
});

test("the next run takes the place of the last one", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  for (const number of [1, 2]) {
    session.generate({});
    await until(() => server.runs.size === number && session.shown && complete(session.shown));
    assert.equal(slices(session.view.volume)[0], 100 * number);
  }
});

const generated = async (server, session, fields) => {
  const number = server.runs.size + 1;
  session.generate(fields);
  await until(() => server.runs.size === number && session.shown && complete(session.shown));
  return session.shown.run;
};

test("the runs of a visit can be shown again, and those that were begun first are fetched again", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  const runs = [];
  for (let seed = 1; seed <= 6; seed++) runs.push(await generated(server, session, { findings: "Clear.", seed }));
  assert.equal(session.feeds.size, 4, "no more volumes than the page has room for");
  assert.deepEqual(session.visit.entries.map(({ run }) => run), runs);
  for (const number of [1, 6, 3]) {
    showRun(session, runs[number - 1]);
    await until(() => complete(session.shown) && session.view.volume === session.shown.volume);
    assert.deepEqual(slices(session.view.volume).map((hu) => hu - 100 * number), [0, 1, 2, 3]);
    assert.equal(session.known.seed ?? number, number);
    assert.ok(session.feeds.size <= 4);
  }
});

test("who goes back to a run sees the slice that was seen in the other one", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  const first = await generated(server, session, { seed: 1 });
  await generated(server, session, { seed: 2 });
  session.view.moveTo([1, 1, 1]);
  showRun(session, first);
  await until(() => session.view.volume === session.shown.volume);
  assert.deepEqual(session.view.point, [1, 1, 1]);
  session.view.volume.marks.begin("hu", 2, [1, 1, 1]);
  session.view.volume.marks.put();
  showRun(session, session.visit.entries[1].run);
  assert.deepEqual(session.view.volume.marks.list, [], "marks stay with their volume");
  showRun(session, first);
  assert.equal(session.view.volume.marks.list.length, 1);
});

test("a run that is taken out gives its place to another, and the last one to the example", async (t) => {
  const server = new FakeServer(t);
  const { session, tab } = opened(server, memory(), example());
  const runs = [];
  for (const seed of [1, 2, 3]) runs.push(await generated(server, session, { seed }));
  removeRun(session, runs[0]);
  assert.equal(session.shown.run, runs[2], "it was not shown");
  removeRun(session, runs[2]);
  assert.equal(session.shown.run, runs[1]);
  removeRun(session, runs[1]);
  await until(() => session.view.caption === "Example");
  assert.deepEqual([session.shown, session.visit.entries, tab.recall("ctflow-run"), session.feeds.size], [null, [], null, 0]);
});

test("a run that is taken out while it is made is stopped", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  server.start = ({ run }) => {
    server.begin(run, { allowed: 1 });
    return { run };
  };
  session.generate({ seed: 1 });
  await until(() => session.shown?.held.size === 1);
  const { run } = session.shown;
  removeRun(session, run);
  await until(() => server.runs.get(run).stopped);
  assert.equal(session.busy, false);
});

test("a visit keeps what was asked, what differs and a small picture, also over a reload", async (t) => {
  const server = new FakeServer(t);
  const { session, tab } = opened(server);
  await generated(server, session, { findings: "Large right effusion. No nodule.", impression: "", seed: 1 });
  await generated(server, session, { findings: "Small right effusion. No nodule.", impression: "", seed: 2 });
  session.visit.change(session.shown.run, { name: "Smaller" });
  const [first, second] = opened(server, tab).session.visit.entries;
  assert.equal(first.name, "Large right effusion. No nodule.");
  assert.deepEqual(first.differs, []);
  assert.equal(second.name, "Smaller");
  assert.deepEqual(second.differs, ["with “Small right effusion.”", "without “Large right effusion.”", "seed 1 → 2"]);
  assert.deepEqual([first.picture, second.picture], ["data:,picture", "data:,picture"]);
});

test("of many runs a visit keeps the last thirty", () => {
  const visit = new Visit(memory(), "Demo");
  for (let seed = 0; seed < 33; seed++) visit.add(`run ${seed}`, { findings: "a b c d e f", seed }, 0);
  assert.equal(visit.entries.length, 30);
  assert.deepEqual([visit.entries[0].run, visit.entries[0].name], ["run 3", "a b c d e …"]);
});

test("Stop before the start was heard withdraws it", async (t) => {
  const server = new FakeServer(t);
  server.lose = (name) => name === "start";
  const { session, told, tab } = opened(server);
  session.generate({});
  await settle(3);
  assert.equal(session.busy, true);
  await session.stop();
  assert.equal(session.busy, false);
  assert.equal(told.said.at(-1), "Stopped before it began.");
  assert.equal(tab.recall("ctflow-asked"), null);
  await settle();
  assert.equal(session.shown, null);
});

test("Stop is asked until it was heard", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { allowed: 1 });
  const { session } = opened(server);
  session.show(session.hold("a"));
  await until(() => session.busy);
  let losses = 2;
  const { stop } = server;
  server.stop = (asked) => (losses-- > 0 ? null : stop.call(server, asked));
  await session.stop();
  await until(() => !session.busy);
  assert.equal(server.names().filter((name) => name === "stop").length, 3);
});

test("what is refused is explained, and the volume stays", async (t) => {
  const server = new FakeServer(t);
  const { session, told } = opened(server);
  session.generate({});
  await until(() => session.shown && complete(session.shown));
  const { volume } = session.view;
  server.start = () => ({ problem: "The report is empty." });
  await session.generate({});
  assert.equal(told.explained.at(-1), "The report is empty.");
  assert.deepEqual([session.view.volume, session.busy], [volume, false]);
});

test("a reload finds the run that was shown, and the place that was looked at", async (t) => {
  const server = new FakeServer(t);
  const first = opened(server);
  first.session.generate({});
  await until(() => first.session.shown && complete(first.session.shown));
  first.session.view.moveTo([1, 1, 1]);
  first.session.saveView();
  const second = opened(server, first.tab);
  await second.session.resume();
  await until(() => second.session.shown && complete(second.session.shown));
  assert.deepEqual(second.session.view.point, [1, 1, 1]);
  assert.equal(second.session.view.following, false);
});

test("a run that was asked for before a reload goes first, unless the server never heard of it", async (t) => {
  const server = new FakeServer(t);
  server.begin("shown");
  const both = { "ctflow-run": "shown", "ctflow-asked": "asked" };
  const unheard = opened(server, memory(both));
  await unheard.session.resume();
  assert.equal(unheard.session.shown.run, "shown");
  server.begin("asked");
  const heard = opened(server, memory(both));
  await heard.session.resume();
  assert.equal(heard.session.shown.run, "asked");
  assert.equal(heard.tab.recall("ctflow-asked"), null);
});

test("a run that the server has forgotten is said to be gone, and what is seen stays", async (t) => {
  const server = new FakeServer(t);
  server.begin("a", { allowed: 2 });
  const { session, told, tab } = opened(server);
  session.show(session.hold("a"));
  await until(() => session.shown.held.size === 2);
  server.runs.clear();
  server.id = "second";
  await until(() => !session.shown);
  assert.match(told.shown.at(-1).status, /^The server was restarted. The slices that you see stay/);
  assert.deepEqual(slices(session.view.volume), [100, 101, null, null]);
  assert.deepEqual([session.busy, tab.recall("ctflow-run"), session.feeds.size], [false, null, 0]);
  assert.equal(await session.download("nifti"), null, "there is no file any more");
});

test("a reload that finds its run forgotten says so, and the example does not erase it", async (t) => {
  const server = new FakeServer(t);
  const { session, told } = opened(server, memory({ "ctflow-run": "old" }), example());
  await session.resume();
  await until(() => session.view.caption === "Example");
  await settle();
  assert.equal(told.shown.at(-1).status, "no longer here");
});

test("a refusal is said in its own words, and the feed goes on", async (t) => {
  const server = new FakeServer(t);
  server.begin("a");
  server.refusal = "Log in first: reload the page.";
  const { session, told } = opened(server);
  session.show(session.hold("a"));
  await until(() => told.said.includes(server.refusal));
  server.refusal = null;
  await until(() => complete(session.shown));
});

test("a run that wants to be driven is driven, whether it is shown or not", async (t) => {
  const server = new FakeServer(t);
  server.begin("a");
  const { news } = server;
  server.news = (asked) => ({ ...news.call(server, asked), needs_driver: true });
  const { session, told } = opened(server);
  session.hold("a");
  await until(() => told.driven.includes("a"));
});

test("a download names its file, and says why there is none", async (t) => {
  const server = new FakeServer(t);
  server.begin("a");
  const { session, told } = opened(server);
  session.show(session.hold("a"));
  assert.deepEqual(await session.download("nifti"), { url: "/gradio_api/file=files/nifti", name: "nifti" });
  server.export = () => ({ problem: "The disk is full." });
  assert.equal(await session.download("nifti"), null);
  assert.equal(told.explained.at(-1), "The disk is full.");
});

const example = () =>
  new Example({ path: "1.bin", first_path: "1-first.bin", first_index: [1, 0, 0], grid: grid(), report: "Clear.", seed: 3 });

test("an example stands in the planes on arrival, and until a run in line has slices of its own", async (t) => {
  const server = new FakeServer(t);
  server.waiting = true;
  const { session, told } = opened(server, memory(), example());
  await session.resume();
  await session.example.complete(server);
  assert.deepEqual([session.view.caption, slices(session.view.volume)], ["Example", [7, 7, 7, 7]]);
  assert.deepEqual(told.shown.at(-1).detail, "The example shows the findings “Clear.”, seed 3.");
  assert.equal(await session.download("nifti"), null, "nobody takes it for their own");
  session.generate({});
  await until(() => session.shown?.manifest?.state === "waiting");
  assert.deepEqual([session.view.caption, slices(session.view.volume)], ["Example", [7, 7, 7, 7]]);
  server.runs.get(session.shown.run).waiting = false;
  await until(() => complete(session.shown));
  assert.deepEqual([session.view.caption, slices(session.view.volume)], ["", [100, 101, 102, 103]]);
});

test("a run that a reload finds waiting in line has the example before it, and one with slices has not", async (t) => {
  const server = new FakeServer(t);
  server.begin("made", { allowed: 1 });
  const made = opened(server, memory({ "ctflow-run": "made" }), example());
  await made.session.resume();
  await until(() => made.session.view.volume);
  await settle();
  assert.deepEqual([made.session.view.caption, slices(made.session.view.volume)[0]], ["", 100]);
  server.begin("waits", { waiting: true });
  const waits = opened(server, memory({ "ctflow-run": "waits" }), example());
  await waits.session.resume();
  await until(() => waits.session.view.caption === "Example");
});

test("the first slices of an example stand alone until it is completed, which is asked for again where it was lost", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server, memory(), example());
  await session.resume();
  const { view } = session;
  assert.deepEqual(view.point, view.volume.onlyAt);
  assert.equal(view.volume.fileIndex(view.point)[0], 2);
  server.exampleLost = true;
  assert.equal(await session.example.complete(server), false);
  assert.notEqual(view.volume.onlyAt, null);
  server.exampleLost = false;
  assert.equal(await session.example.complete(server), true);
  assert.equal(await session.example.complete(server), true);
  assert.equal(view.volume.onlyAt, null);
  assert.ok(points(view.volume).every((point) => view.volume.at(point) === 7));
  const fetched = server.asked.filter(([name]) => name === "voxels").map(([, path]) => path);
  assert.deepEqual(fetched, ["1-first.bin", "1.bin", "1.bin"]);
});

test("an example that does not arrive leaves the planes empty", async (t) => {
  const server = new FakeServer(t);
  server.exampleLost = true;
  const { session } = opened(server, memory(), example());
  await session.resume();
  assert.equal(session.view.volume, null);
  session.generate({});
  await until(() => session.shown && complete(session.shown));
});

test("while the next run waits in line, the last volume stays and is told as such", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server, memory(), example());
  session.generate({});
  await until(() => session.shown && complete(session.shown));
  server.waiting = true;
  session.generate({});
  await until(() => session.shown?.manifest?.state === "waiting");
  assert.deepEqual([session.view.caption, slices(session.view.volume)[0]], ["Previous volume", 100]);
  assert.equal(session.view.growing, false, "there are no slices to follow");
  server.runs.get(session.shown.run).waiting = false;
  await until(() => complete(session.shown));
  assert.deepEqual([session.view.caption, slices(session.view.volume)[0]], ["", 200]);
});

test("a volume that is done is shown at mid-lung, whichever comes last, the word or the voxels", async (t) => {
  for (const late of [false, true]) {
    const server = new FakeServer(t);
    let losses = late ? 3 : 0;
    server.loseChunk = (path) => path.endsWith("/3") && losses-- > 0;
    const { session } = opened(server);
    session.generate({});
    await until(() => session.shown && complete(session.shown));
    assert.equal(session.view.volume.fileIndex(session.view.point)[0], 3, "without lungs that is the middle");
    assert.equal(session.view.following, false);
  }
});

test("a new run keeps the slice that the person has chosen, and window and zoom in any case", async (t) => {
  const server = new FakeServer(t);
  const { session } = opened(server);
  const { view } = session;
  session.generate({});
  await until(() => session.shown && complete(session.shown));
  view.moveTo([2, 2, 1]);
  view.display.setPreset(1);
  view.zoom(view.planes[2], 3);
  view.settings.setLayout("row");
  view.settings.maximise(view.planes[2]);
  view.setSlab(view.planes[1], { kind: "mip", mm: 5 });
  session.generate({});
  await until(() => server.runs.size === 2 && session.shown && complete(session.shown));
  assert.deepEqual([view.point, view.display.window.width, view.planes[2].zoom], [[2, 2, 1], 2500, 3]);
  assert.deepEqual([view.settings.layout, view.settings.maximised, view.planes[1].slab.kind], ["row", view.planes[2], "mip"]);
});
