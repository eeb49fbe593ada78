// The viewer's elements. They are made once; afterwards only their texts and states change.

const TOOLS = [
  ["crosshair", "Crosshair", "Drag moves the crosshair in all planes (c)"],
  ["window", "W/L", "Drag sets window width and level (w); so does the right button with every tool"],
  ["pan", "Pan", "Drag moves the picture (p)"],
  ["zoom", "Zoom", "Drag zooms (z); so does Ctrl + wheel with every tool"],
];

function make(tag, className, parent, properties = {}) {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(properties)) {
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  parent.append(made);
  return made;
}

function makeButtons(parent, label, names) {
  const group = make("div", "ctv-group", parent, { role: "group", "aria-label": label });
  return names.map(([text, title]) => make("button", "ctv-button", group, { text, title, type: "button" }));
}

function makePlane(parent, definition) {
  const box = make("div", `ctv-plane ctv-${definition.name.toLowerCase()}`, parent);
  const canvas = make("canvas", "ctv-canvas", box, {
    tabindex: "0", role: "application", "aria-label": `${definition.name} plane, empty`,
  });
  const slider = make("input", "ctv-slider", box, {
    type: "range", min: "0", max: "0", step: "1", value: "0", "aria-label": `${definition.name} slice`,
  });
  slider.disabled = true;
  return { box, canvas, slider };
}

function makeHelp(root) {
  const help = make("dialog", "ctv-help", root, { "aria-label": "Keys and mouse" });
  const table = make("table", "", help);
  for (const [keys, meaning] of KEYS) {
    const row = make("tr", "", table);
    make("th", "", row, { text: keys, scope: "row" });
    make("td", "", row, { text: meaning });
  }
  make("button", "ctv-button", help, { text: "Close", type: "button" }).onclick = () => help.close();
  return help;
}

function makeFrame(root, windows) {
  const bar = make("div", "ctv-bar", root);
  const tools = makeButtons(bar, "Tool of the left button", TOOLS.map(([, text, title]) => [text, title]));
  const presets = makeButtons(
    bar, "Window", windows.map((w, i) => [w.name, `Width ${w.width}, level ${w.level} HU (key ${i + 1})`]),
  );
  const [follow, reset, keys] = makeButtons(bar, "View", [
    ["Follow", "Show the newest slices while they are made (f)"],
    ["Reset", "Reset zoom, position, crosshair and window (r)"],
    ["Keys ?", "Keys and mouse (?)"],
  ]);
  const planes = make("div", "ctv-planes", root);
  const boxes = PLANES.map((definition) => makePlane(planes, definition));
  const foot = make("div", "ctv-foot", root);
  const progress = make("div", "ctv-progress", foot, {
    role: "progressbar", "aria-label": "Generation", "aria-valuemin": "0", "aria-valuemax": "100",
  });
  const done = make("div", "ctv-done", progress);
  const status = make("p", "ctv-status", foot, { "aria-live": "polite", role: "status" });
  const detail = make("p", "ctv-detail", foot);
  const readout = make("output", "ctv-readout", foot, { "aria-label": "Under the pointer, or else at the crosshair" });
  const [nifti, sidecar] = makeButtons(foot, "Download", [
    ["Download NIfTI", "The slices made so far as a .nii.gz; an unfinished volume says so in its name"],
    ["Settings (JSON)", "Report, seed and settings: with them the command line makes this volume again"],
  ]);
  const help = makeHelp(root);
  return { tools, presets, follow, reset, keys, readout, planes, boxes, progress, done, status, detail, nifti, sidecar, help };
}
