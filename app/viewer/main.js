// Where the viewer meets Gradio: `props.value` is a run's manifest (app/present.py); voxels come by URL.

const RUN_KEY = "ctflow-run";
const BUSY = ["waiting", "running"];

class Session {
  constructor(view) {
    this.view = view;
    this.run = null;
    this.wanted = new Set();
    view.parts.nifti.onclick = () => this.download("nifti");
    view.parts.sidecar.onclick = () => this.download("sidecar");
    this.tell({ state: "idle", status: "Write or pick a report, then Generate.", detail: "", share: 0, chunks: [] });
  }

  show(manifest) {
    if (!manifest || !manifest.state) return;
    if (manifest.run !== this.run) {
      this.begin(manifest.run);
      if (manifest.state !== "gone" && !manifest.chunks.length) this.comeIntoSight();
    }
    if (manifest.grid) this.place(manifest.grid);
    for (const chunk of manifest.chunks) this.fetch(chunk);
    this.tell(manifest);
  }

  begin(run) {
    this.run = run;
    this.wanted.clear();
    this.view.setVolume(null);
    this.view.setFollowing(true);
    if (run) sessionStorage.setItem(RUN_KEY, run);
    else sessionStorage.removeItem(RUN_KEY);
  }

  // On a narrow page the planes lie below the report: whoever pressed Generate wants to see them.
  comeIntoSight() {
    if (root.getBoundingClientRect().top > 0.7 * window.innerHeight) root.scrollIntoView({ block: "start" });
  }

  place(grid) {
    const { volume } = this.view;
    if (!volume) this.view.setVolume(new Volume(grid));
    else if (grid.shape[0] < volume.shape[0]) this.shorten(grid);
  }

  shorten(grid) {
    const { view } = this;
    const axis = view.volume.sliceAxis;
    const slice = Math.min(view.volume.indexOf(axis, view.point[axis]), grid.shape[0] - 1);
    view.volume.shorten(grid);
    view.point[axis] = view.volume.positionOf(slice);
    view.redraw();
  }

  async fetch(chunk) {
    const { run, view } = this;
    if (this.wanted.has(chunk.first)) return;
    this.wanted.add(chunk.first);
    const current = () => this.run === run && view.volume !== null;
    try {
      const hu = await fetchChunkPatiently(chunk.path, current);
      if (!current()) return;
      view.volume.add(chunk, hu);
      view.arrived();
    } catch (error) {
      if (!current()) return;
      this.wanted.delete(chunk.first);
      view.parts.status.textContent = "Some slices could not be loaded. Reload the page to fetch them again.";
    }
  }

  tell({ state, status, detail, share, chunks, stopping }) {
    const { parts } = this.view;
    if (parts.status.textContent !== status) parts.status.textContent = status;
    parts.detail.textContent = detail;
    parts.done.style.width = `${100 * share}%`;
    parts.progress.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    parts.progress.dataset.state = stopping ? "stopping" : state;
    parts.follow.disabled = !BUSY.includes(state);
    parts.nifti.disabled = parts.sidecar.disabled = !chunks.length;
  }

  async download(kind) {
    const button = this.view.parts[kind];
    button.setAttribute("aria-busy", "true");
    try {
      const answer = await server.export({ run: this.run, kind });
      if (answer.problem) this.view.parts.status.textContent = answer.problem;
      else saveAs(answer.path, answer.name);
    } catch (error) {
      this.view.parts.status.textContent = "The download did not work. Is the connection there? Try again.";
    } finally {
      button.removeAttribute("aria-busy");
    }
  }
}

const root = make("section", "ctv", element.querySelector(".ctv-mount"), { "aria-label": "CT viewer" });
const session = new Session(new View(root, props.windows));

// The planes take what is left of the window's height under the header, however long the notice is.
function fitHeight() {
  root.style.setProperty("--ctv-top", `${Math.round(root.getBoundingClientRect().top + window.scrollY)}px`);
}
new ResizeObserver(fitHeight).observe(document.body);

watch("value", () => session.show(props.value));

// After a reload, look for the run that this tab was showing.
const remembered = sessionStorage.getItem(RUN_KEY);
if (remembered) {
  props.value = { run: remembered };
  trigger("attach");
}
