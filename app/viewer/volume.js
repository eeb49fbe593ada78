// The volume: int16 HU as they were sent, and where they lie in the patient.
//
// Everything else speaks of patient axes: x grows to the patient's left, y to the back, z to the feet. With the
// picture's right and down along them, this is the radiological convention in all three planes, whatever the order
// of the indices in memory is.

const PATIENT_AXES = [["L", "R"], ["P", "A"], ["I", "S"]];

class Volume {
  constructor(grid) {
    this.shape = grid.shape;
    this.hu = new Int16Array(grid.shape[0] * grid.shape[1] * grid.shape[2]);
    this.made = new Uint8Array(grid.shape[0]);
    this.place(grid);
  }

  // Sets the patient axes: for each one its size, its spacing, and where its voxels lie in memory.
  place(grid) {
    const strides = [grid.shape[1] * grid.shape[2], grid.shape[2], 1];
    this.shape = grid.shape;
    this.origin = 0;
    this.axes = PATIENT_AXES.map(([along, against]) => {
      const index = grid.axes.findIndex((letter) => letter === along || letter === against);
      const flipped = grid.axes[index] === against;
      const size = grid.shape[index];
      if (flipped) this.origin += (size - 1) * strides[index];
      return { index, flipped, size, spacing: grid.spacing[index], stride: flipped ? -strides[index] : strides[index] };
    });
    this.sliceAxis = this.axes.findIndex((axis) => axis.index === 0);
  }

  // A volume may end before its last chunk: the slices that never came are dropped.
  shorten(grid) {
    this.hu = this.hu.subarray(0, grid.shape[0] * grid.shape[1] * grid.shape[2]);
    this.made = this.made.subarray(0, grid.shape[0]);
    this.place(grid);
  }

  add(chunk, hu) {
    this.hu.set(hu, chunk.first * this.shape[1] * this.shape[2]);
    this.made.fill(1, chunk.first, chunk.first + chunk.slices);
  }

  // Position along a patient axis <-> index in the file.
  indexOf(axis, position) {
    const { flipped, size } = this.axes[axis];
    return flipped ? size - 1 - position : position;
  }

  positionOf(sliceIndex) {
    return this.indexOf(this.sliceAxis, sliceIndex);
  }

  isMade(point) {
    return this.made[this.indexOf(this.sliceAxis, point[this.sliceAxis])] === 1;
  }

  contains(point) {
    return point.every((position, axis) => position >= 0 && position < this.axes[axis].size);
  }

  // HU at a point (x, y, z), or null where nothing has been made.
  at(point) {
    if (!this.contains(point) || !this.isMade(point)) return null;
    return this.hu[this.axes.reduce((offset, axis, i) => offset + point[i] * axis.stride, this.origin)];
  }

  // (slice, row, column) in the file of a point, counted from 1.
  fileIndex(point) {
    const index = [0, 0, 0];
    this.axes.forEach((axis, i) => (index[axis.index] = this.indexOf(i, point[i]) + 1));
    return index;
  }
}
