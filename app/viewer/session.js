// One tab and its run: asks for it, follows it, and finds it again. Voxels come by URL, all else as a run's manifest
// (app/present.py). Every question may be asked again, so a lost connection costs time and nothing else.

const RUN_KEY = "ctflow-run"; // what this tab shows
const ASKED_KEY = "ctflow-asked"; // what it has asked for and heard no answer of
const VIEW_KEY = "ctflow-view";
const BUSY = ["waiting", "running"];
const HEARTBEAT_MS = 20000; // tells the server that somebody still looks, and the page that it is still there
const IDLE = "Write or choose a report, then press Generate.";
const REFUSED_MS = 3000; // a login in another tab may help
const LOST = "The server does not answer. Trying again; what you see stays.";

class Session {
  constructor(view) {
    this.view = view;
    this.run = null;
    this.asked = null;
    this.server = null;
    this.wanted = new Set();
    this.held = new Set();
    this.lost = () => {
      this.say(LOST);
      this.view.parts.detail.textContent = "";
    };
    view.parts.nifti.onclick = () => this.download("nifti");
    view.parts.sidecar.onclick = () => this.download("sidecar");
    this.tell({ state: "idle", status: IDLE, detail: "", share: 0, chunks: [] });
  }

  // After a reload: the run that was asked for last, or else the one that was shown.
  async resume() {
    for (const key of [ASKED_KEY, RUN_KEY]) {
      const run = recall("sessionStorage", key);
      if (!run || this.run || this.asked) continue;
      const news = await askPatiently("news", { run, seen: null }, () => !this.run && !this.asked, this.lost);
      if (news && !this.run && !this.asked && (news.state !== "gone" || key === RUN_KEY)) this.follow(run);
    }
    if (this.asked) return;
    remember("sessionStorage", ASKED_KEY, null);
    if (!this.run) this.say(IDLE);
  }

  async generate(fields) {
    if (this.busy) return;
    const run = newId();
    this.asked = run;
    remember("sessionStorage", ASKED_KEY, run);
    this.explain("");
    this.setBusy(true);
    const asked = { ...fields, run, visitor: visitor() };
    const answer = await askPatiently("start", asked, () => this.asked === run, this.lost);
    if (this.asked !== run) return;
    this.asked = null;
    remember("sessionStorage", ASKED_KEY, null);
    if (answer.problem) {
      this.explain(answer.problem);
      this.setBusy(false);
      if (!this.run) this.say(IDLE);
    } else {
      this.follow(run);
      this.comeIntoSight();
    }
  }

  // Stop is never lost either: it is asked until it was heard, or until the run is over anyway.
  async stop() {
    if (this.asked) return this.takeBack();
    const { run } = this;
    const answer = await askPatiently("stop", { run }, () => this.run === run && this.busy, this.lost);
    if (answer && answer.problem) this.explain(answer.problem);
  }

  // The start may be heard before or after the stop. Until the stop is heard, a reload finds the run again.
  async takeBack() {
    const run = this.asked;
    this.asked = null;
    this.setBusy(false);
    const answer = await askPatiently("stop", { run }, () => true, this.lost);
    if (answer.problem) this.explain(answer.problem);
    if (this.asked || answer.problem) return;
    remember("sessionStorage", ASKED_KEY, null);
    if (!this.busy) this.say("Stopped before it began.");
  }

  async follow(run) {
    this.begin(run);
    const current = () => this.run === run;
    for (let seen = null; current(); ) {
      const news = await askPatiently("news", { run, seen }, current, this.lost);
      if (!news || !current()) return;
      if (news.problem) {
        this.say(news.problem);
        await pause(REFUSED_MS);
        continue;
      }
      if (news.state === "gone") return this.keepWhatIsHeld(news);
      this.show(news);
      seen = news.version;
      if (!this.busy) await pause(news.chunks.every(({ first }) => this.held.has(first)) ? HEARTBEAT_MS : 1000);
    }
  }

  begin(run) {
    this.run = run;
    this.wanted.clear();
    this.held.clear();
    this.view.setVolume(null);
    this.view.setFollowing(true);
    remember("sessionStorage", RUN_KEY, run);
    props.value = { run };
  }

  show(manifest) {
    this.server = manifest.server;
    if (manifest.needs_driver) trigger("drive");
    if (manifest.grid) this.place(manifest.grid);
    for (const chunk of manifest.chunks) this.fetch(chunk);
    this.tell(manifest);
    this.setBusy(this.asked !== null || BUSY.includes(manifest.state));
  }

  // The server has forgotten the run, or was restarted. What is on the screen needs no server.
  keepWhatIsHeld(news) {
    const restarted = this.server && this.server !== news.server;
    const held = "The slices that you see stay while this page is open; they can no longer be downloaded.";
    const lost = restarted ? "This run is lost: generate it again." : "";
    const why = restarted ? "The server was restarted." : news.status;
    this.run = null;
    remember("sessionStorage", RUN_KEY, null);
    this.tell({ ...news, status: `${why} ${this.held.size ? held : lost}`.trim() });
    this.setBusy(this.asked !== null);
  }

  // On a narrow page the planes lie below the report: whoever pressed Generate wants to see them.
  comeIntoSight() {
    if (root.getBoundingClientRect().top > 0.7 * window.innerHeight) root.scrollIntoView({ block: "start" });
  }

  place(grid) {
    const { volume } = this.view;
    if (!volume) {
      this.view.setVolume(new Volume(grid));
      const before = recall("sessionStorage", VIEW_KEY);
      if (before && before.run === this.run) this.view.restore(before);
    } else if (grid.shape[0] < volume.shape[0]) this.shorten(grid);
  }

  shorten(grid) {
    const { view } = this;
    const axis = view.volume.sliceAxis;
    const slice = Math.min(view.volume.indexOf(axis, view.point[axis]), grid.shape[0] - 1);
    view.volume.shorten(grid);
    view.point[axis] = view.volume.positionOf(slice);
    view.redraw();
  }

  // What does not arrive is asked for again with the next manifest.
  async fetch(chunk) {
    const { run, view } = this;
    if (this.wanted.has(chunk.first)) return;
    this.wanted.add(chunk.first);
    try {
      const hu = await fetchChunk(chunk.path);
      if (this.run !== run || !view.volume) return;
      view.volume.add(chunk, hu);
      this.held.add(chunk.first);
      view.arrived();
    } catch (error) {
      if (this.run === run) this.wanted.delete(chunk.first);
    }
  }

  saveView() {
    if (this.run && this.view.volume) remember("sessionStorage", VIEW_KEY, { run: this.run, ...this.view.state() });
  }

  say(status) {
    const { parts } = this.view;
    if (parts.status.textContent !== status) parts.status.textContent = status;
  }

  // Beside the Generate button, until something else is asked.
  explain(problem) {
    const place = document.querySelector(".ct-problem");
    place.textContent = problem;
    place.hidden = !problem;
  }

  setBusy(busy) {
    if (busy !== this.busy) trigger(busy ? "busy" : "idle");
    this.busy = busy;
  }

  tell({ state, status, detail, share, chunks, stopping }) {
    const { parts } = this.view;
    this.say(status);
    parts.detail.textContent = detail;
    parts.done.style.width = `${100 * share}%`;
    parts.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.progress.dataset.state = stopping ? "stopping" : state;
    parts.follow.disabled = !BUSY.includes(state);
    parts.nifti.disabled = parts.sidecar.disabled = !chunks.length;
  }

  async download(kind) {
    const button = this.view.parts[kind];
    this.explain("");
    button.setAttribute("aria-busy", "true");
    const answer = await ask("export", { run: this.run, kind });
    button.removeAttribute("aria-busy");
    if (!answer) this.explain("The download did not work. Is the connection there? Try again.");
    else if (answer.problem) this.explain(answer.problem);
    else saveAs(answer.path, answer.name);
  }
}
