// Common to all pictures: colours, the time span, and the area between the axes. Lengths are in CSS pixels.

import { slotCount } from "./slots.js";

/** Time span of the live pictures in seconds. */
export const seconds = 15;
/** Times between two marks of a time axis in seconds, and the largest number of marks. */
const markSteps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400];
const mostMarks = 6;

let current = null;

/** Returns the colours and the font of the page as it is shown now, light or dark. */
export function theme() {
  if (current) return current;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  current = {
    ink: colour("ink"), quiet: colour("quiet"), line: colour("line"), card: colour("card"), other: colour("other"),
    curves: Array.from({ length: slotCount }, (_, slot) => colour(`curve-${slot + 1}`)),
    em: parseFloat(style.fontSize), family: style.fontFamily,
  };
  return current;
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { current = null; });

/** Returns a font of the page for a canvas, in parts of the page's size of letters. */
export const font = (size, weight = 400) => `${weight} ${size * theme().em}px ${theme().family}`;

/** The area of a picture, cleared, at the resolution of the screen. */
export class Plot {
  constructor(canvas, span = seconds) {
    const ratio = window.devicePixelRatio || 1;
    [this.width, this.height] = [canvas.clientWidth, canvas.clientHeight];
    const width = Math.max(1, Math.round(this.width * ratio));
    const height = Math.max(1, Math.round(this.height * ratio));
    // Setting a size clears the picture, even if the size stays the same.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.context = canvas.getContext("2d");
    // Undoes the clip of the drawing before this one.
    this.context.restore();
    this.context.save();
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    /** Where the area begins, after the words of the axis. */
    this.left = 3.2 * theme().em;
    this.pixelsPerSecond = Math.max(1, this.width - this.left) / span;
  }

  /** Returns the horizontal position of a time, if the picture ends at `now`. */
  x(time, now) {
    return this.width - (now - time) * this.pixelsPerSecond;
  }

  /** Limits what is drawn to the area between the axes. */
  clip() {
    this.context.beginPath();
    this.context.rect(this.left, 0, this.width - this.left, this.height);
    this.context.clip();
  }

  /** Writes the words of a mark of the vertical axis. */
  mark(text, y) {
    const { context } = this;
    const half = 0.45 * theme().em;
    context.fillStyle = theme().quiet;
    context.font = font(0.72);
    context.textAlign = "right";
    context.textBaseline = "middle";
    context.fillText(text, this.left - 6, Math.min(Math.max(y, half), this.height - half));
  }
}

/** Returns the times of the marks of a picture that ends at `now`. */
export function marks(now, span = seconds) {
  // The live pictures have three marks, because a time of day is long.
  const most = span === seconds ? mostMarks / 2 : mostMarks;
  const step = markSteps.find((one) => span / one <= most) ?? markSteps.at(-1);
  const last = Math.floor(now / step) * step;
  return Array.from({ length: Math.ceil(span / step) + 1 }, (_, index) => last - index * step);
}

/** Draws the time axis below the pictures, with the words that a function returns for a time. */
export function drawTimes(canvas, now, words, span = seconds) {
  const plot = new Plot(canvas, span);
  const { context } = plot;
  context.fillStyle = theme().quiet;
  context.font = font(0.75);
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const time of marks(now, span)) {
    const [x, text] = [plot.x(time, now), words(time)];
    const half = context.measureText(text).width / 2;
    // A mark at an edge is left out until its words fit.
    if (x - half >= plot.left && x + half <= plot.width) context.fillText(text, x, plot.height / 2);
  }
}
