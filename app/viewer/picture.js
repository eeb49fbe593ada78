// One slice of the volume as grey pixels, one per voxel; Canvas2D scales it to true proportions afterwards.

// HU -> opaque grey, the same line as ctflow.hu.windowed. Index: HU + 32768.
function greyTable(window) {
  const table = new Uint32Array(65536);
  const low = window.level - window.width / 2;
  for (let i = 0; i < 65536; i++) {
    const share = ((i - 32768 - low) * 255) / window.width;
    const grey = share < 0 ? 0 : share > 255 ? 255 : share | 0;
    table[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

// `across` and `down` are the patient axes along the picture, `through` the one it is cut at.
class Picture {
  constructor(across, down, through) {
    Object.assign(this, { across, down, through });
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = 0;
  }

  draw(volume, position, table) {
    const right = volume.axes[this.across];
    const down = volume.axes[this.down];
    this.fit(right.size, down.size);
    const start = volume.origin + position * volume.axes[this.through].stride;
    const made = this.madeAlong(volume, position);
    const { hu } = volume;
    const { pixels } = this;
    for (let v = 0, out = 0; v < down.size; v++) {
      let voxel = start + v * down.stride;
      for (let h = 0; h < right.size; h++, out++, voxel += right.stride) {
        pixels[out] = made(h, v) ? table[hu[voxel] + 32768] : 0;
      }
    }
    this.context.putImageData(this.image, 0, 0);
  }

  fit(width, height) {
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.context = this.canvas.getContext("2d");
    this.image = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  // Slices are made along one patient axis, which may lie across, down or through this picture.
  madeAlong(volume, position) {
    const axis = volume.sliceAxis;
    const made = (p) => volume.made[volume.indexOf(axis, p)] === 1;
    if (axis === this.through) {
      const whole = made(position);
      return () => whole;
    }
    const along = Uint8Array.from({ length: volume.axes[axis].size }, (_, p) => (made(p) ? 1 : 0));
    return axis === this.across ? (h) => along[h] === 1 : (_, v) => along[v] === 1;
  }
}

let hatchTile = null;

// Diagonal lines: "not made yet" must not look like air.
function hatch(context) {
  if (!hatchTile) {
    hatchTile = document.createElement("canvas");
    hatchTile.width = hatchTile.height = 12;
    const pen = hatchTile.getContext("2d");
    pen.fillStyle = "#12161c";
    pen.fillRect(0, 0, 12, 12);
    pen.strokeStyle = "#2b333e";
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const x of [-12, 0, 12]) {
      pen.moveTo(x, 12);
      pen.lineTo(x + 12, 0);
    }
    pen.stroke();
  }
  return context.createPattern(hatchTile, "repeat");
}
