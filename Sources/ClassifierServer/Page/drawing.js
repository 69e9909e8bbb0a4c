// What is drawn: pictures that scroll to the left, the newest on the right.

const seconds = 30;
const colours = ["#3b82c4", "#d97706", "#2f9e6e", "#b4488f", "#8a6fd1", "#c2473d", "#5f8f2d", "#6b7280"];

/** Log-mel frames, a column each, the lowest band at the bottom. */
export class Spectrogram {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.low = -7;
    this.high = 2;
    this.pending = [];
  }

  /** Takes frames, to be drawn with the next picture. */
  add(values, bands) {
    for (let start = 0; start < values.length; start += bands) this.pending.push(values.subarray(start, start + bands));
    // A page that nobody looks at is not drawn.
    this.pending.splice(0, Math.max(0, this.pending.length - 2 * this.canvas.width));
  }

  draw() {
    const { width, height } = this.canvas;
    // Two frames of 10 ms are a column of a pixel: 900 pixels are 18 s.
    const columns = Math.floor(this.pending.length / 2);
    if (columns === 0) return;
    const bands = this.pending[0].length;
    this.context.drawImage(this.canvas, -columns, 0);
    const image = this.context.createImageData(columns, height);
    for (let column = 0; column < columns; column++) {
      const [first, second] = [this.pending[2 * column], this.pending[2 * column + 1]];
      for (let row = 0; row < height; row++) {
        const band = Math.floor((1 - (row + 0.5) / height) * bands);
        const value = Math.max(first[band], second[band]);
        this.adapt(value);
        const level = Math.max(0, Math.min(1, (value - this.low) / (this.high - this.low)));
        const place = 4 * (row * columns + column);
        image.data[place] = 255 * Math.pow(level, 1.1);
        image.data[place + 1] = 255 * Math.pow(level, 2.2) * 0.9;
        image.data[place + 2] = 60 * level + 130 * level * (1 - level) + 12;
        image.data[place + 3] = 255;
      }
    }
    this.context.putImageData(image, width - columns, 0);
    this.pending = this.pending.slice(2 * columns);
  }

  /** The scale follows the loudest and the faintest of late. */
  adapt(value) {
    this.high = Math.max(this.high - 1e-6, value, this.low + 4);
    this.low = Math.min(this.low + 1e-6, Math.max(value, -12));
  }
}

/** Curves of probabilities, and bars of events, by time. */
export class Chart {
  constructor(canvas, timeline, legend) {
    this.canvas = canvas;
    this.timeline = timeline;
    this.legend = legend;
    this.points = [];
    this.events = new Map();
    this.labels = new Map();
  }

  clear() {
    this.points = [];
    this.events.clear();
  }

  colour(label) {
    if (!this.labels.has(label)) {
      const colour = colours[this.labels.size % colours.length];
      this.labels.set(label, colour);
      const item = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.style.background = colour;
      item.append(swatch, label);
      this.legend.append(item);
    }
    return this.labels.get(label);
  }

  add(time, top) {
    this.points.push({ time, top });
    while (this.points.length && this.points[0].time < time - seconds) this.points.shift();
    for (const [id, event] of this.events) {
      if (event.t1 !== null && event.t1 < time - seconds) this.events.delete(id);
    }
  }

  draw() {
    const now = this.points.at(-1)?.time ?? 0;
    this.drawCurves(now);
    this.drawEvents(now);
  }

  drawCurves(now) {
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.clearRect(0, 0, width, height);
    const x = (time) => width - ((now - time) / seconds) * width;
    const y = (probability) => height - 4 - probability * (height - 8);
    context.lineWidth = 1;
    context.strokeStyle = "rgba(128,128,128,.35)";
    for (const mark of [0, 0.5, 1]) {
      context.beginPath();
      context.moveTo(0, y(mark));
      context.lineTo(width, y(mark));
      context.stroke();
    }
    context.lineWidth = 2;
    const curves = new Map();
    for (const { time, top } of this.points) {
      for (const { label, p } of top) {
        if (!curves.has(label)) curves.set(label, []);
        curves.get(label).push([x(time), y(p)]);
      }
    }
    for (const [label, points] of curves) {
      if (!points.some(([, value]) => value < y(0.1))) continue;
      context.strokeStyle = this.colour(label);
      context.beginPath();
      let last = -Infinity;
      for (const [left, top] of points) {
        // A class that was not among the first for a while has a curve that is interrupted.
        if (left - last > width / seconds) context.moveTo(left, top); else context.lineTo(left, top);
        last = left;
      }
      context.stroke();
    }
  }

  drawEvents(now) {
    const context = this.timeline.getContext("2d");
    const { width, height } = this.timeline;
    context.clearRect(0, 0, width, height);
    const x = (time) => width - ((now - time) / seconds) * width;
    context.font = "12px system-ui, sans-serif";
    for (const { label, t0, t1 } of this.events.values()) {
      const [from, to] = [x(t0), x(t1 ?? now)];
      context.fillStyle = this.colour(label);
      context.fillRect(from, 2, Math.max(2, to - from), height - 4);
      context.fillStyle = "#fff";
      context.fillText(label, from + 3, height / 2 + 4);
    }
  }
}
