import { font, Plot, seconds, theme } from "./plot.js";
import { friendly } from "./labels.js";

/** Heights in parts of the page's size of letters. */
const laneHeight = 1.7;
/** Lanes that are there before the first event, so that the page does not jump. */
const fewestLanes = 2;
const mostLanes = 8;
/** Space on each side of a bar's words, in CSS pixels. */
const padding = 7;
/** The least width of a bar in CSS pixels. */
const leastWidth = 3;

/** Chooses lanes in which events do not cover each other. An event has `from` and `to` in seconds. */
export class Lanes {
  constructor() {
    this.clear();
  }

  clear() {
    this.lanes = Array.from({ length: fewestLanes }, () => new Map());
  }

  get count() {
    return this.lanes.length;
  }

  remove(id) {
    for (const lane of this.lanes) lane.delete(id);
  }

  /** Returns the lane of an event; undefined if all lanes are full. Its words may need the time `lead` before it. */
  place(id, event, lead) {
    const own = this.lanes.findIndex((lane) => lane.has(id));
    if (own >= 0) {
      this.lanes[own].set(id, event);
      return own;
    }
    // A new event's words stand before the event, at the right edge of the picture, if a lane has room for that.
    for (const extra of [lead, 0]) {
      const free = this.lanes.findIndex((lane) =>
        [...lane.values()].every((other) => other.to <= event.from - extra || other.from >= event.to));
      if (free >= 0) {
        this.lanes[free].set(id, event);
        return free;
      }
    }
    if (this.lanes.length === mostLanes) return undefined;
    this.lanes.push(new Map([[id, event]]));
    return this.lanes.length - 1;
  }
}

/** Bars of events by time, each with its words. */
export class Timeline {
  constructor(canvas, remark, slots) {
    this.canvas = canvas;
    this.remark = remark;
    this.slots = slots;
    this.lanes = new Lanes();
    /** Whether the picture is one of a recording, which shows any part of it, and does not scroll. */
    this.isRecording = false;
    this.clear();
  }

  clear() {
    this.events = new Map();
    this.lanes.clear();
    this.scale = 0;
  }

  /** Adds or changes an event with `label`, `from`, and `to` (null while it lasts). */
  set(id, event) {
    this.events.set(id, event);
  }

  /** Ends the events that last, because their stream has gone. */
  cut(now) {
    for (const event of this.events.values()) event.to ??= Math.max(now, event.from);
  }

  /** Removes the events that have left the picture. */
  prune(now) {
    for (const [id, { to }] of this.events) {
      if (to === null || to > now - seconds) continue;
      this.events.delete(id);
      this.lanes.remove(id);
    }
  }

  draw(now, span = seconds) {
    const shown = [...this.events].filter(([, { from, to }]) => from < now && (to ?? now) > now - span);
    const bars = this.isRecording ? this.recordingBars(shown, now, span) : this.liveBars(shown, now, span);
    const { em } = theme();
    const lanes = this.isRecording ? Math.max(fewestLanes, ...bars.map(({ lane }) => lane + 1)) : this.lanes.count;
    this.canvas.style.height = `${lanes * laneHeight}rem`;
    const plot = new Plot(this.canvas, span);
    const { context } = plot;
    plot.clip();
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const { event, lane, text, left, right, words } of bars) {
      const [from, to] = [plot.x(event.from, now), plot.x(event.to ?? now, now)];
      const [top, height] = [lane * laneHeight * em + 1, laneHeight * em - 3];
      const slot = this.slots.slot(event.label);
      const colour = slot === undefined ? theme().other : theme().curves[slot];
      context.save();
      context.beginPath();
      context.roundRect(left, top, Math.max(2, right - left), height, 4);
      context.clip();
      // The bar is the event's time; the words may need more space.
      const width = Math.max(leastWidth, to - from);
      context.globalAlpha = 0.24;
      context.fillStyle = colour;
      context.fillRect(from, top, width, height);
      context.globalAlpha = 1;
      context.fillRect(from, top + height - 4, width, 4);
      context.fillStyle = theme().ink;
      context.font = font(0.8, 600);
      if (text) context.fillText(text, words + padding, top + (height - 3) / 2);
      context.restore();
    }
    const hidden = shown.length - bars.length;
    const bare = bars.filter(({ text }) => !text).length;
    const counts = [hidden ? `${hidden} more` : "", bare ? `${bare} without words` : ""].filter((one) => one);
    this.remark.hidden = counts.length === 0;
    if (counts.length) this.remark.textContent = `${counts.join(" and ")} at this time: see the table of events.`;
  }

  /**
   * Returns the bars of a recording with their places. The longest events come first: where room is scarce, the
   * shortest ones lose their words, and then their places.
   */
  recordingBars(shown, now, span) {
    const plot = new Plot(this.canvas, span);
    const lanes = [];
    /** Takes room in the first lane that has it. */
    const take = (left, right) => {
      const isFree = (lane) => lane.every((other) => other.right + 2 <= left || right + 2 <= other.left);
      const free = lanes.findIndex(isFree);
      const lane = free < 0 ? lanes.length : free;
      if (lane === mostLanes) return undefined;
      (lanes[lane] ??= []).push({ left, right });
      return lane;
    };
    const length = ([, { from, to }]) => to - from;
    return shown.sort((one, other) => length(other) - length(one)).flatMap(([, event]) => {
      const from = Math.max(plot.left, Math.min(plot.x(event.from, now), plot.width - leastWidth));
      const to = Math.min(plot.width, Math.max(plot.x(event.to, now), from + leastWidth));
      const { text, width } = this.words(event, plot);
      // At the right edge, words begin before their bar.
      const left = Math.max(plot.left, Math.min(from, plot.width - width));
      const right = Math.max(to, left + width);
      const lane = take(left, right);
      if (lane !== undefined) return [{ event, lane, text, left, right, words: left }];
      const bare = take(from, to);
      return bare === undefined ? [] : [{ event, lane: bare, left: from, right: to }];
    });
  }

  /** Returns the bars of a live stream with their places; an event stays in its lane. */
  liveBars(shown, now, span) {
    this.arrange(shown, span);
    const plot = new Plot(this.canvas, span);
    const ends = Array(this.lanes.count).fill(-Infinity);
    return [...this.bars.values()].sort((one, other) => one.event.from - other.event.from).map((bar) => {
      const { event, lane, width } = bar;
      const [from, to] = [plot.x(event.from, now), plot.x(event.to ?? now, now)];
      const right = Math.min(Math.max(to, from + width), plot.width);
      const left = Math.max(Math.min(from, right - width), ends[lane]);
      ends[lane] = right + 2;
      return { ...bar, left, right, words: Math.max(left, Math.min(plot.left, right - width)) };
    });
  }

  /** Gives every shown event of a live stream a lane, a text that fits into the picture, and its width. */
  arrange(shown, span) {
    const plot = new Plot(this.canvas, span);
    if (plot.pixelsPerSecond !== this.scale) this.lanes.clear();
    this.scale = plot.pixelsPerSecond;
    this.bars = new Map();
    for (const [id, event] of shown.sort((one, other) => one[1].from - other[1].from)) {
      const { text, width } = this.words(event, plot);
      const span = (width + 2) / plot.pixelsPerSecond;
      const extent = { from: event.from, to: Math.max(event.to ?? Infinity, event.from + span) };
      const lane = this.lanes.place(id, extent, span);
      if (lane !== undefined) this.bars.set(id, { event, lane, text, width });
    }
  }

  /** Returns an event's words as they fit into a picture, and their width with the space beside them. */
  words(event, { context, left, width }) {
    context.font = font(0.8, 600);
    const text = shortened(friendly(event.label), 0.8 * (width - left), context);
    return { text, width: context.measureText(text).width + 2 * padding };
  }
}

/** Returns a text, shortened to a width. */
function shortened(text, width, context) {
  if (context.measureText(text).width <= width) return text;
  const letters = [...text];
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > width) letters.pop();
  return `${letters.join("")}…`;
}
