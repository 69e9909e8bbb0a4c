import { marks, Plot, seconds, theme } from "./plot.js";
import { friendly, isBackground, isolated } from "./labels.js";

/** Classes that were never likelier than this get no curve. */
const leastPeak = 0.1;
/** The second half of the colours has broken lines, for readers who see few colours. */
export const isDashed = (slot) => slot >= 4;

/** Curves of probabilities by time, and their legend. */
export class Chart {
  constructor(canvas, legend, slots) {
    this.canvas = canvas;
    this.legend = legend;
    this.slots = slots;
    /** The longest time between two points of a curve. A curve breaks where its class was not among the first. */
    this.longestStep = 1;
    /** The largest number of grey classes that the legend names. */
    this.mostNames = 3;
    this.clear();
  }

  clear() {
    this.points = [];
    this.legend.replaceChildren();
    this.explained = "";
  }

  /** Adds a prediction's classes at a time. */
  add(time, top) {
    this.points.push({ time, top });
    while (this.points[0].time < time - seconds - this.longestStep) this.points.shift();
  }

  /** The likely classes in the picture with the points of their curves. */
  get curves() {
    const curves = new Map();
    for (const { time, top } of this.points) {
      for (const { label, p } of top) {
        if (!curves.has(label)) curves.set(label, []);
        curves.get(label).push([time, p]);
      }
    }
    return new Map([...curves].filter(([, points]) => points.some(([, p]) => p > leastPeak)));
  }

  draw(curves, now, span = seconds) {
    const plot = new Plot(this.canvas, span);
    const { context } = plot;
    const edge = 0.5 * theme().em;
    const y = (probability) => plot.height - edge - probability * (plot.height - 2 * edge);
    for (const mark of [0, 0.5, 1]) plot.mark(`${mark * 100} %`, y(mark));
    plot.clip();
    context.strokeStyle = theme().line;
    context.beginPath();
    for (const mark of [0, 0.5, 1]) {
      context.moveTo(plot.left, y(mark));
      context.lineTo(plot.width, y(mark));
    }
    for (const time of marks(now, span)) {
      context.moveTo(plot.x(time, now), y(1));
      context.lineTo(plot.x(time, now), y(0));
    }
    context.stroke();
    context.lineJoin = "round";
    const labels = [...curves.keys()];
    const [coloured, others] = [true, false].map((has) => labels.filter((label) => this.has(label) === has));
    // The coloured curves lie above the grey ones.
    for (const label of [...others, ...coloured]) {
      const slot = this.slots.slot(label);
      context.strokeStyle = slot === undefined ? theme().other : theme().curves[slot];
      context.lineWidth = slot === undefined ? 1.25 : 2.25;
      context.setLineDash(slot !== undefined && isDashed(slot) ? [7, 4] : []);
      context.beginPath();
      let last = -Infinity;
      for (const [time, p] of curves.get(label)) {
        if (time - last > this.longestStep) context.moveTo(plot.x(time, now), y(p));
        else context.lineTo(plot.x(time, now), y(p));
        last = time;
      }
      context.stroke();
    }
    this.explain(coloured.sort((one, other) => this.slots.slot(one) - this.slots.slot(other)), others);
  }

  has(label) {
    return this.slots.slot(label) !== undefined;
  }

  /** Shows the legend: each coloured class, and the grey ones together. */
  explain(coloured, others) {
    const items = coloured.map((label) => [`curve-${this.slots.slot(label) + 1}`, [friendly(label)], ""]);
    if (others.length) {
      const names = others.sort((one, other) => isBackground(other) - isBackground(one)).map(friendly);
      const isCut = names.length > this.mostNames;
      const named = isCut ? names.slice(0, this.mostNames - 1) : names;
      items.push(["other", named, isCut ? ` and ${names.length - named.length} more` : ""]);
    }
    const key = JSON.stringify(items);
    if (key === this.explained) return;
    this.explained = key;
    this.legend.replaceChildren(...items.map(([colour, names, more]) => {
      const [item, swatch] = [document.createElement("li"), document.createElement("i")];
      swatch.className = colour;
      item.append(swatch, ...names.flatMap((name, index) => [index ? ", " : "", isolated(name)]), more);
      return item;
    }));
  }
}
