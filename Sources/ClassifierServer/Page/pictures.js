import { Chart } from "./chart.js";
import { StreamClock } from "./clock.js";
import { isBackground } from "./labels.js";
import { drawTimes, seconds } from "./plot.js";
import { Slots } from "./slots.js";
import { Spectrogram } from "./spectrogram.js";
import { Timeline } from "./timeline.js";

/** The shortest time between two drawings in milliseconds, so that a slow device has time to listen. */
const drawingPeriod = 100;
/** How much an event outranks a class without one where colours are scarce. */
const eventScore = 1;

/** The pictures of the last seconds: spectrogram, events, curves, and the time axis below them. */
export class Pictures {
  constructor(element) {
    this.section = element("pictures");
    this.title = element("sound-title");
    this.badge = element("frozen");
    this.times = element("times");
    this.slots = new Slots();
    this.spectrogram = new Spectrogram(element("spectrogram"));
    this.timeline = new Timeline(element("timeline"), element("more"), this.slots);
    this.chart = new Chart(element("curves"), element("legend"), this.slots);
    this.clock = new StreamClock();
    this.now = null;
    new ResizeObserver(() => this.redraw()).observe(this.section);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  clear() {
    this.slots.clear();
    this.timeline.clear();
    this.chart.clear();
    this.spectrogram.configure(this.spectrogram.model);
    this.now = null;
  }

  /** Begins a stream of a model. Pictures of the stream before it stay until they have scrolled out. */
  begin(model) {
    this.clock = new StreamClock();
    if (model.model !== this.model?.model || model.bands !== this.model.bands) this.spectrogram.configure(model);
    this.model = model;
  }

  /** Adds a prediction, which came just now. */
  addFrame(record) {
    const wasLive = this.clock.isLive;
    this.clock.hear(record.t, Date.now() / 1000);
    if (wasLive && !this.clock.isLive) this.clear();
    this.now = this.clock.at(record.t);
    this.chart.add(this.now, record.top);
    this.redraw();
  }

  addEvent(id, record) {
    const to = record.t1 === null ? null : this.clock.at(record.t1);
    this.timeline.set(id, { label: record.label, from: this.clock.at(record.t0), to });
    this.redraw();
  }

  /** Adds log-mel frames: 8 bytes with the index of the first frame, then the values. */
  addFeatures(data) {
    // Before the first prediction the clock has no time.
    if (this.now === null) return;
    const first = Number(new DataView(data).getBigInt64(0, true));
    this.spectrogram.add(this.clock.at(first / this.spectrogram.rate), new Float32Array(data, 8));
  }

  /** Marks the pictures as old, with a reason in a few words; null for the present. */
  freeze(reason) {
    const isFrozen = reason !== null && this.now !== null;
    this.section.classList.toggle("old", isFrozen);
    this.badge.hidden = !isFrozen;
    this.badge.textContent = reason ?? "";
    this.title.textContent = isFrozen
      ? `${seconds} seconds until ${this.clock.words(this.now)}` : `The last ${seconds} seconds`;
  }

  redraw() {
    if (this.request) return;
    this.request = setTimeout(() => requestAnimationFrame(() => {
      this.request = null;
      this.draw();
    }), drawingPeriod);
  }

  draw() {
    const now = this.now ?? Date.now() / 1000;
    this.timeline.prune(now);
    const curves = this.chart.curves;
    this.colour(curves);
    this.spectrogram.draw();
    this.timeline.draw(now);
    this.chart.draw(curves, now);
    drawTimes(this.times, now, (time) => (this.now === null ? "" : this.clock.words(time)));
  }

  /** Gives the likeliest classes colours; silence and the like stay grey. */
  colour(curves) {
    const peaks = new Map();
    for (const [label, points] of curves) peaks.set(label, points.reduce((most, [, p]) => Math.max(most, p), 0));
    const scores = new Map(peaks);
    for (const { label } of this.timeline.events.values()) scores.set(label, eventScore + (peaks.get(label) ?? 0));
    for (const label of peaks.keys()) if (isBackground(label)) scores.delete(label);
    this.slots.assign(scores);
  }
}
