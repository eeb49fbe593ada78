// What is looked at and how: the crosshair, the window, the tool. Nothing here knows where slices come from.

class View {
  constructor(root, windows) {
    this.parts = makeFrame(root, windows);
    this.windows = windows;
    this.help = this.parts.help;
    this.volume = null;
    this.point = [0, 0, 0];
    this.following = true;
    this.drawing = 0;
    this.pointer = null;
    this.planes = PLANES.map((definition, i) => this.addPlane(definition, this.parts.boxes[i]));
    this.active = this.planes[0];
    this.parts.tools.forEach((button, i) => (button.onclick = () => this.setTool(TOOLS[i][0])));
    this.parts.presets.forEach((button, i) => (button.onclick = () => this.setPreset(i)));
    this.parts.follow.onclick = () => this.setFollowing(!this.following);
    this.parts.reset.onclick = () => this.reset();
    this.parts.keys.onclick = () => this.showHelp();
    listenToKeys(this, root);
    this.setTool("crosshair");
    this.setPreset(0);
    this.setFollowing(true);
  }

  addPlane(definition, { box, canvas, slider }) {
    const plane = new Plane(definition, canvas, slider);
    plane.box = box;
    listenToPointer(this, plane);
    canvas.addEventListener("focus", () => (this.active = plane));
    slider.addEventListener("input", () => this.scrollTo(plane, Number(slider.value)));
    new ResizeObserver(() => {
      plane.fit(); // this wipes the canvas, so draw before the browser shows it
      plane.draw(this);
    }).observe(canvas);
    return plane;
  }

  // A new volume, or null: the crosshair goes to its middle, and to the slice that comes first.
  setVolume(volume) {
    this.volume = volume;
    if (volume) {
      this.point = volume.axes.map((axis) => axis.size >> 1);
      this.point[volume.sliceAxis] = volume.positionOf(0);
    }
    this.redraw();
  }

  // Slices arrived: show the newest, unless the person has gone elsewhere. Chunks may overtake each other on the way.
  arrived() {
    const newest = this.volume.made.lastIndexOf(1);
    if (this.following && newest >= 0) this.point[this.volume.sliceAxis] = this.volume.positionOf(newest);
    this.redraw();
  }

  activate(plane) {
    this.active = plane;
    plane.canvas.focus({ preventScroll: true });
  }

  moveTo(point) {
    const clamp = (position, axis) => Math.min(Math.max(position, 0), this.volume.axes[axis].size - 1);
    const next = point.map(clamp);
    const along = this.volume.sliceAxis;
    if (next[along] !== this.point[along]) this.setFollowing(false);
    this.point = next;
    this.redraw();
    return true;
  }

  scrollTo(plane, position) {
    if (!this.volume) return false;
    const next = this.point.slice();
    next[plane.through] = position;
    return this.moveTo(next);
  }

  scroll(plane, slices) {
    return this.scrollTo(plane, this.point[plane.through] + slices);
  }

  nudge(plane, right, down) {
    if (!this.volume) return false;
    const next = this.point.slice();
    next[plane.across] += right;
    next[plane.down] += down;
    return this.moveTo(next);
  }

  zoom(plane, factor) {
    if (!this.volume) return false;
    plane.zoomAt(this.volume, plane.width / 2, plane.height / 2, factor);
    this.redraw();
    return true;
  }

  setWindow(window) {
    this.window = window;
    this.table = greyTable(window);
    this.parts.presets.forEach((button, i) => {
      const { width, level } = this.windows[i];
      button.setAttribute("aria-pressed", String(width === window.width && level === window.level));
    });
    this.redraw();
    return true;
  }

  setPreset(number) {
    return this.setWindow(this.windows[number]);
  }

  // Right is wider, up is brighter: the pace grows with the width, so that narrow windows can be set finely.
  dragWindow(dx, dy) {
    const pace = Math.max(1, this.window.width / 300);
    const width = Math.round(Math.min(Math.max(this.window.width + dx * pace, 1), 6000));
    const level = Math.round(Math.min(Math.max(this.window.level + dy * pace, -2000), 4000));
    return this.setWindow({ width, level });
  }

  setTool(tool) {
    this.tool = tool;
    this.parts.tools.forEach((button, i) => button.setAttribute("aria-pressed", String(TOOLS[i][0] === tool)));
    this.parts.planes.dataset.tool = tool;
    return true;
  }

  setFollowing(following) {
    this.following = following;
    this.parts.follow.setAttribute("aria-pressed", String(following));
    if (following && this.volume) this.arrived();
    return true;
  }

  maximise(plane) {
    const whole = !plane.box.classList.contains("ctv-whole");
    for (const other of this.planes) {
      other.box.classList.toggle("ctv-whole", whole && other === plane);
      other.box.classList.toggle("ctv-away", whole && other !== plane);
    }
    return true;
  }

  reset() {
    for (const plane of this.planes) plane.reset();
    for (const { box } of this.planes) box.classList.remove("ctv-whole", "ctv-away");
    if (this.volume) {
      const slice = this.point[this.volume.sliceAxis];
      this.point = this.volume.axes.map((axis) => axis.size >> 1);
      this.point[this.volume.sliceAxis] = slice;
    }
    return this.setPreset(0);
  }

  // What a reload should not change.
  state() {
    const { window, tool, following, point } = this;
    return { window, tool, following, point, zooms: this.planes.map(({ zoom, pan }) => [zoom, pan]) };
  }

  restore({ window, tool, following, point, zooms }) {
    this.setWindow(window);
    this.setTool(tool);
    this.planes.forEach((plane, i) => ([plane.zoom, plane.pan] = zooms[i]));
    this.moveTo(point);
    this.setFollowing(following);
  }

  showHelp() {
    this.help.showModal();
    return true;
  }

  hover(plane, x, y) {
    this.pointer = plane && this.volume ? { plane, x, y } : null;
    this.showReadout();
  }

  // HU under the pointer; without one, at the crosshair, so that the keyboard can measure too.
  showReadout() {
    if (!this.volume) return (this.parts.readout.textContent = "");
    const { pointer, volume } = this;
    const point = pointer ? pointer.plane.pointAt(volume, this.point, pointer.x, pointer.y) : this.point;
    const hu = volume.at(point);
    const [slice, row, column] = volume.contains(point) ? volume.fileIndex(point) : ["–", "–", "–"];
    const value = hu === null ? (volume.contains(point) ? "not made yet" : "–") : `${hu} HU`;
    this.parts.readout.textContent = `${value}   column ${column}  row ${row}  slice ${slice}`;
  }

  // However many things change, each frame draws once.
  redraw() {
    if (!this.drawing) this.drawing = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawing = 0;
    for (const plane of this.planes) {
      if (!plane.width) continue;
      plane.draw(this);
      this.describe(plane);
    }
    this.showReadout();
  }

  describe(plane) {
    const { slider, canvas, through } = plane;
    slider.disabled = !this.volume;
    if (this.volume) {
      slider.max = this.volume.axes[through].size - 1;
      slider.value = this.point[through];
    }
    const label = plane.title(this);
    if (canvas.getAttribute("aria-label") !== label) {
      canvas.setAttribute("aria-label", label);
      slider.setAttribute("aria-valuetext", label);
    }
  }
}
