import { Plot, seconds, theme } from "./plot.js";

// From black over violet and orange to pale yellow, with evenly growing brightness for readers without colour vision.
const stops = [[6, 6, 18], [58, 15, 99], [139, 35, 105], [211, 66, 64], [248, 139, 42], [250, 235, 162]];
const background = "#060612";

/** Frequencies with a mark, in Hz. */
const frequencies = [50, 100, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000];
/** Seconds by which columns may differ from the clock before the picture gets a hole. */
const tolerance = 0.5;

const scales = {
  htk: (hertz) => 2595 * Math.log10(1 + hertz / 700),
  slaney: (hertz) => (hertz < 1000 ? hertz * 0.015 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4)),
};

/** Returns the colour of a level from 0 to 1 as red, green and blue. */
export function colourOf(level) {
  const step = Math.max(0, Math.min(0.9999, level)) * (stops.length - 1);
  const [below, above, part] = [stops[Math.floor(step)], stops[Math.floor(step) + 1], step % 1];
  return below.map((one, index) => one + (above[index] - one) * part);
}

/** Draws the frequency axis of a model's front-end, whose bands are equal steps of its mel scale. */
export function drawFrequencies(plot, { low_hz: low, high_hz: high, mel_scale: scale, bands }) {
  const mel = scales[scale];
  if (!mel) return;
  const step = (mel(high) - mel(low)) / (bands + 1);
  let last = Infinity;
  for (const hertz of frequencies.filter((one) => one >= low && one <= high)) {
    const y = plot.height * (1 - ((mel(hertz) - mel(low)) / step - 0.5) / bands);
    if (last - y < theme().em) continue;
    last = y;
    plot.mark(hertz < 1000 ? `${hertz} Hz` : `${hertz / 1000} kHz`, y);
  }
}

/** A scrolling picture of log-mel frames: one column for each frame, the lowest band at the bottom. */
export class Spectrogram {
  constructor(canvas) {
    this.canvas = canvas;
    // A ring buffer of the last frames, one pixel for each value.
    this.store = document.createElement("canvas");
    this.configure({ rate: 16000, frame_hop: 160, bands: 64 });
  }

  /** Sets the front-end of the picture's model, and clears the picture. */
  configure(model) {
    this.model = model;
    this.bands = model.bands;
    this.rate = model.rate / model.frame_hop;
    Object.assign(this.store, { width: Math.round(this.rate * seconds), height: this.bands });
    this.context = this.store.getContext("2d", { alpha: false, willReadFrequently: true });
    this.next = null;
    this.low = -7;
    this.high = 2;
  }

  /** Adds frames, the first of which is at a time in seconds. */
  add(time, values) {
    const column = Math.round(time * this.rate);
    this.next ??= column;
    // Time without frames stays empty.
    if (column - this.next > tolerance * this.rate) {
      this.context.fillStyle = background;
      for (let empty = Math.max(this.next, column - this.store.width); empty < column; empty++) {
        this.context.fillRect(empty % this.store.width, 0, 1, this.bands);
      }
      this.next = column;
    }
    const count = Math.floor(values.length / this.bands);
    for (let frame = 0; frame < count; frame++) {
      const image = this.column(values.subarray(frame * this.bands, (frame + 1) * this.bands));
      this.context.putImageData(image, (this.next + frame) % this.store.width, 0);
    }
    this.next += count;
  }

  column(values) {
    const image = this.context.createImageData(1, this.bands);
    values.forEach((value, band) => {
      // The scale follows the recent maximum and minimum.
      this.high = Math.max(this.high - 2e-5, value, this.low + 4);
      this.low = Math.min(this.low + 2e-5, Math.max(value, -12));
      const colour = colourOf((value - this.low) / (this.high - this.low));
      image.data.set([...colour, 255], 4 * (this.bands - 1 - band));
    });
    return image;
  }

  draw() {
    const plot = new Plot(this.canvas);
    const { context, left, height } = plot;
    const width = plot.width - left;
    drawFrequencies(plot, this.model);
    if (this.next === null) {
      context.strokeStyle = theme().line;
      context.strokeRect(left + 0.5, 0.5, width - 1, height - 1);
      return;
    }
    const oldest = this.next % this.store.width;
    const right = this.store.width - oldest;
    const seam = (right / this.store.width) * width;
    context.drawImage(this.store, oldest, 0, right, this.bands, left, 0, seam, height);
    if (oldest > 0) context.drawImage(this.store, 0, 0, oldest, this.bands, left + seam, 0, width - seam, height);
  }
}
