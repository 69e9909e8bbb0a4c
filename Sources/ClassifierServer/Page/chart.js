import { fit, seconds } from "./canvas.js";

// Colours of different brightness, all of them dark enough for white text.
const colours = ["#2f74b5", "#b45309", "#22805a", "#a23b80", "#7657c4", "#b83a31", "#517a22", "#5b6472"];

/** Curves of probabilities, and bars of events, by time. */
export class Chart {
  constructor(canvas, timeline, legend) {
    this.canvas = canvas;
    this.timeline = timeline;
    this.legend = legend;
    this.events = new Map();
    this.clear();
  }

  clear() {
    this.points = [];
    this.events.clear();
    this.labels = new Map();
    this.legend.replaceChildren();
    this.shown = "";
  }

  colour(label) {
    if (!this.labels.has(label)) {
      const taken = [...this.labels.values()];
      this.labels.set(label, colours.find((one) => !taken.includes(one)) ?? colours[taken.length % colours.length]);
    }
    return this.labels.get(label);
  }

  add(time, top) {
    this.points.push({ time, top });
    while (this.points[0].time < time - seconds) this.points.shift();
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
    const ratio = fit(this.canvas);
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    const edge = 8 * ratio;
    const x = (time) => width - ((now - time) / seconds) * width;
    const y = (probability) => height - edge - probability * (height - 2 * edge);
    context.clearRect(0, 0, width, height);
    this.drawGrid(context, ratio, y);
    context.lineWidth = 2 * ratio;
    context.lineJoin = "round";
    const curves = new Map();
    for (const { time, top } of this.points) {
      for (const { label, p } of top) {
        if (!curves.has(label)) curves.set(label, []);
        curves.get(label).push([time, p]);
      }
    }
    // Classes that were never likely get no curve.
    const likely = [...curves].filter(([, points]) => points.some(([, p]) => p > 0.1));
    // A class that left the picture frees its colour.
    const seen = new Set([...likely.map(([label]) => label), ...[...this.events.values()].map((event) => event.label)]);
    for (const label of this.labels.keys()) if (!seen.has(label)) this.labels.delete(label);
    for (const [label, points] of likely) {
      context.strokeStyle = this.colour(label);
      context.beginPath();
      let last = -Infinity;
      for (const [time, p] of points) {
        // The curve of a class breaks where the class was not among the first.
        if (time - last > 1) context.moveTo(x(time), y(p)); else context.lineTo(x(time), y(p));
        last = time;
      }
      context.stroke();
    }
    this.explain(likely.map(([label]) => label));
  }

  drawGrid(context, ratio, y) {
    context.lineWidth = ratio;
    context.strokeStyle = "rgba(128, 128, 128, .3)";
    context.fillStyle = getComputedStyle(this.canvas).color;
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    for (const mark of [0, 0.5, 1]) {
      context.beginPath();
      context.moveTo(0, y(mark));
      context.lineTo(context.canvas.width, y(mark));
      context.stroke();
      context.fillText(`${mark * 100} %`, 4 * ratio, y(mark) + (mark === 1 ? 12 : -4) * ratio);
    }
  }

  /** Shows the legend of the curves. */
  explain(labels) {
    if (labels.join("\n") === this.shown) return;
    this.shown = labels.join("\n");
    this.legend.replaceChildren(...labels.map((label) => {
      const [item, swatch] = [document.createElement("li"), document.createElement("i")];
      swatch.style.background = this.colour(label);
      item.append(swatch, label);
      return item;
    }));
  }

  drawEvents(now) {
    const ratio = fit(this.timeline);
    const context = this.timeline.getContext("2d");
    const { width, height } = this.timeline;
    const x = (time) => width - ((now - time) / seconds) * width;
    context.clearRect(0, 0, width, height);
    context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    for (const { label, t0, t1 } of this.events.values()) {
      const [from, to] = [x(t0), x(t1 ?? now)];
      const wide = Math.max(3 * ratio, to - from);
      context.save();
      context.beginPath();
      context.roundRect(from, 2 * ratio, wide, height - 4 * ratio, 3 * ratio);
      context.clip();
      context.fillStyle = this.colour(label);
      context.fillRect(from, 0, wide, height);
      context.fillStyle = "#fff";
      // A label that does not fit is left out; the legend explains the colour.
      const space = wide - 8 * ratio;
      if (context.measureText(label).width <= space) context.fillText(label, from + 4 * ratio, height / 2);
      context.restore();
    }
  }
}
