// Everything that a mouse can do, from the keyboard.

const KEYS = [
  ["↑ ↓, wheel", "previous, next slice"],
  ["PgUp PgDn", "ten slices"],
  ["Home End", "first, last slice"],
  ["Shift + arrows", "move the crosshair in the plane"],
  ["1 to 6", "window presets"],
  ["Alt + arrows", "window width and level"],
  ["c w p z", "tool: crosshair, window/level, pan, zoom"],
  ["+ −, Ctrl + wheel", "zoom"],
  ["right drag", "window/level"],
  ["middle drag", "pan"],
  ["m, double click", "maximise a plane, and back"],
  ["f", "follow the newest slices"],
  ["r", "reset the view"],
  ["?", "these keys"],
];

const SLICES = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e6, End: 1e6 };
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const TOOL_KEYS = { c: "crosshair", w: "window", p: "pan", z: "zoom" };

function listenToKeys(view, root) {
  document.addEventListener("keydown", (event) => {
    // Keys belong to the viewer when it has the focus, or when nothing has it.
    const ours = root.contains(event.target) || event.target === document.body;
    if (!root.isConnected || !ours || event.ctrlKey || event.metaKey || view.help.open) return;
    if (event.target.tagName === "INPUT" && event.key in SLICES) return; // a slider moves itself
    if (press(view, view.active, event)) event.preventDefault();
  });
}

// Returns whether the key meant something.
function press(view, plane, event) {
  const { key } = event;
  if (key in ARROWS && event.altKey) return view.dragWindow(ARROWS[key][0] * 10, ARROWS[key][1] * 10);
  if (key in ARROWS && event.shiftKey) return view.nudge(plane, ...ARROWS[key]);
  if (event.altKey) return false;
  if (key in SLICES) return view.scroll(plane, SLICES[key]);
  if (key in TOOL_KEYS) return view.setTool(TOOL_KEYS[key]);
  if (key >= "1" && key <= "6") return view.setPreset(Number(key) - 1);
  if (key === "+" || key === "=") return view.zoom(plane, 1.25);
  if (key === "-") return view.zoom(plane, 0.8);
  if (key === "m") return view.maximise(plane);
  if (key === "f") return view.setFollowing(!view.following);
  if (key === "r") return view.reset();
  if (key === "?") return view.showHelp();
  return false;
}
