// One plane on its canvas: the picture, scaled, and what is written over it.

const PLANES = [
  { name: "Axial", across: 0, down: 1, through: 2 },
  { name: "Coronal", across: 0, down: 2, through: 1 },
  { name: "Sagittal", across: 1, down: 2, through: 0 },
];
const INK = "#e8edf2";
const CROSS = "rgba(255, 196, 87, 0.8)";
const WARNING = "SYNTHETIC, not for diagnosis";
const MARGIN = 8;

class Plane {
  constructor(definition, canvas, slider) {
    Object.assign(this, definition, { canvas, slider });
    this.picture = new Picture(this.across, this.down, this.through);
    this.context = canvas.getContext("2d", { alpha: false });
    this.reset();
  }

  reset() {
    this.zoom = 1;
    this.pan = [0, 0];
  }

  // Canvas pixels follow the screen's, so that lines and letters stay sharp.
  fit() {
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.ratio = ratio;
  }

  // The rectangle on screen that holds the whole slice: mm are equal in both directions.
  frame(volume) {
    const right = volume.axes[this.across];
    const down = volume.axes[this.down];
    const widthMm = right.size * right.spacing;
    const heightMm = down.size * down.spacing;
    const scale = Math.min((this.width - 2) / widthMm, (this.height - 2) / heightMm) * this.zoom;
    const [width, height] = [widthMm * scale, heightMm * scale];
    return {
      scale, width, height,
      left: (this.width - width) / 2 + this.pan[0],
      top: (this.height - height) / 2 + this.pan[1],
    };
  }

  // Screen position -> voxel (x, y, z); it may lie outside of the volume.
  pointAt(volume, point, x, y) {
    const frame = this.frame(volume);
    const found = point.slice();
    found[this.across] = Math.floor(((x - frame.left) / frame.width) * volume.axes[this.across].size);
    found[this.down] = Math.floor(((y - frame.top) / frame.height) * volume.axes[this.down].size);
    return found;
  }

  // Centre of a voxel -> screen position.
  placeOf(volume, point) {
    const frame = this.frame(volume);
    const along = (axis) => (point[axis] + 0.5) / volume.axes[axis].size;
    return [frame.left + along(this.across) * frame.width, frame.top + along(this.down) * frame.height];
  }

  // Zooms so that what lies under (x, y) stays there.
  zoomAt(volume, x, y, factor) {
    const zoom = Math.min(20, Math.max(0.5, this.zoom * factor));
    const by = zoom / this.zoom;
    const frame = this.frame(volume);
    const centre = [frame.left + frame.width / 2, frame.top + frame.height / 2];
    this.pan[0] += (x - centre[0]) * (1 - by);
    this.pan[1] += (y - centre[1]) * (1 - by);
    this.zoom = zoom;
  }

  draw(view) {
    const { context: pen } = this;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, this.width, this.height);
    if (view.volume) {
      this.drawPicture(view);
      this.drawCrosshair(view);
    }
    this.drawWords(view);
  }

  drawPicture({ volume, point, table }) {
    const { context: pen } = this;
    const { left, top, width, height } = this.frame(volume);
    pen.fillStyle = hatch(pen);
    pen.fillRect(left, top, width, height);
    this.picture.draw(volume, point[this.through], table);
    pen.imageSmoothingEnabled = true;
    pen.imageSmoothingQuality = "medium";
    pen.drawImage(this.picture.canvas, left, top, width, height);
  }

  drawCrosshair({ volume, point }) {
    const { context: pen } = this;
    const frame = this.frame(volume);
    const [x, y] = this.placeOf(volume, point);
    const gap = 10;
    pen.strokeStyle = CROSS;
    pen.lineWidth = 1;
    pen.beginPath();
    line(pen, frame.left, y, x - gap, y);
    line(pen, x + gap, y, frame.left + frame.width, y);
    line(pen, x, frame.top, x, y - gap);
    line(pen, x, y + gap, x, frame.top + frame.height);
    pen.stroke();
  }

  drawWords(view) {
    const { context: pen, width, height } = this;
    pen.font = "12px system-ui, sans-serif";
    const low = height - MARGIN;
    write(pen, this.title(view), MARGIN, MARGIN + 10, "left");
    const narrow = width < 330; // then the warning would lie over the title
    if (narrow) write(pen, WARNING, MARGIN, MARGIN + 26, "left", "#ffb454");
    else write(pen, WARNING, width - MARGIN, MARGIN + 10, "right", "#ffb454");
    if (!view.volume) return;
    write(pen, `W ${view.window.width}  L ${view.window.level}`, MARGIN, low, "left");
    this.drawScaleBar(view.volume, low);
    this.drawDirections();
  }

  title({ volume, point }) {
    if (!volume) return this.name;
    const axis = volume.axes[this.through];
    const missing = volume.isMade(point) || volume.sliceAxis !== this.through ? "" : "  not made yet";
    return `${this.name}  ${volume.indexOf(this.through, point[this.through]) + 1} / ${axis.size}${missing}`;
  }

  drawDirections() {
    const { context: pen, width, height } = this;
    const [right, left] = PATIENT_AXES[this.across];
    const [bottom, top] = PATIENT_AXES[this.down];
    pen.font = "bold 15px system-ui, sans-serif";
    write(pen, left, MARGIN, height / 2 + 5, "left");
    write(pen, right, width - MARGIN, height / 2 + 5, "right");
    write(pen, top, width / 2, width < 330 ? 52 : width < 440 ? 36 : MARGIN + 12, "center");
    write(pen, bottom, width / 2, height - MARGIN, "center");
  }

  drawScaleBar(volume, low) {
    const { context: pen, width } = this;
    const { scale } = this.frame(volume);
    const mm = [100, 50, 20, 10, 5, 2, 1].find((length) => length * scale <= width / 4) || 1;
    const [end, start] = [width - MARGIN, width - MARGIN - mm * scale];
    write(pen, `${mm} mm`, end, low - 8, "right");
    pen.strokeStyle = INK;
    pen.lineWidth = 2;
    pen.beginPath();
    line(pen, start, low, end, low);
    line(pen, start, low - 4, start, low);
    line(pen, end, low - 4, end, low);
    pen.stroke();
  }
}

function line(pen, fromX, fromY, toX, toY) {
  pen.moveTo(fromX, fromY);
  pen.lineTo(toX, toY);
}

// Letters with a dark rim can be read over bone and over air.
function write(pen, text, x, y, align, ink = INK) {
  pen.textAlign = align;
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.strokeStyle = "rgba(0, 0, 0, 0.75)";
  pen.strokeText(text, x, y);
  pen.fillStyle = ink;
  pen.fillText(text, x, y);
}
