import { fit, seconds } from "./canvas.js";

// From black over violet and orange to pale yellow, with evenly growing brightness for readers without colour vision.
const stops = [[6, 6, 18], [58, 15, 99], [139, 35, 105], [211, 66, 64], [248, 139, 42], [250, 235, 162]];

/** A scrolling picture of log-mel frames: one column for each frame, the lowest band at the bottom. */
export class Spectrogram {
  constructor(canvas) {
    this.canvas = canvas;
    // A ring buffer of the last frames, one pixel for each value.
    this.store = document.createElement("canvas");
    this.configure(100, 64);
  }

  /** Sets the number of frames per second and of mel bands, and clears the picture. */
  configure(rate, bands) {
    this.bands = bands;
    Object.assign(this.store, { width: Math.round(rate * seconds), height: bands });
    this.context = this.store.getContext("2d", { alpha: false });
    this.next = null;
    this.low = -7;
    this.high = 2;
  }

  /** Adds frames after the index of the first one. */
  add(first, values) {
    // Lost frames leave their columns empty.
    const lost = this.next === null ? 0 : Math.min(first - this.next, this.store.width);
    this.context.fillStyle = "#06060f";
    for (let frame = first - lost; frame < first; frame++) {
      this.context.fillRect(frame % this.store.width, 0, 1, this.bands);
    }
    const count = Math.floor(values.length / this.bands);
    for (let frame = 0; frame < count; frame++) {
      const image = this.column(values.subarray(frame * this.bands, (frame + 1) * this.bands));
      this.context.putImageData(image, (first + frame) % this.store.width, 0);
    }
    this.next = first + count;
  }

  column(values) {
    const image = this.context.createImageData(1, this.bands);
    values.forEach((value, band) => {
      // The scale follows the recent maximum and minimum.
      this.high = Math.max(this.high - 2e-5, value, this.low + 4);
      this.low = Math.min(this.low + 2e-5, Math.max(value, -12));
      const level = Math.max(0, Math.min(0.9999, (value - this.low) / (this.high - this.low))) * (stops.length - 1);
      const [below, above, part] = [stops[Math.floor(level)], stops[Math.floor(level) + 1], level % 1];
      const colour = below.map((one, index) => one + (above[index] - one) * part);
      image.data.set([...colour, 255], 4 * (this.bands - 1 - band));
    });
    return image;
  }

  draw() {
    fit(this.canvas);
    const context = this.canvas.getContext("2d", { alpha: false });
    const { width, height } = this.canvas;
    if (this.next === null) return;
    const oldest = this.next % this.store.width;
    const right = this.store.width - oldest;
    const seam = (right / this.store.width) * width;
    context.drawImage(this.store, oldest, 0, right, this.bands, 0, 0, seam, height);
    if (oldest > 0) context.drawImage(this.store, 0, 0, oldest, this.bands, seam, 0, width - seam, height);
  }
}
