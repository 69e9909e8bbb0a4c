// The page of a report: recordings with pictures, a player that follows along, and tables. The page contains the data.

/** Steps of the keys that move the position, in seconds. */
const smallStep = 1;
const largeStep = 10;
/** The choices of the pictures' time span in seconds, shorter than the recording. */
const spans = [300, 60, 15];
/** More curves on each other cannot be read. */
const mostCurves = 20;

const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** One recording: its player, pictures and tables. */
class Recording {
  constructor(data, index) {
    this.data = data;
    this.start = 0;
    this.span = Math.max(data.seconds, 0.1);
    this.time = 0;
    this.slots = new Slots();
    this.curves = decodedCurves(data);
    this.image = picture(data);
    this.section = make("section", { id: `recording-${index + 1}`, "aria-labelledby": `title-${index + 1}` },
      make("h2", { id: `title-${index + 1}` }, pathWords(data.name)),
      make("p", { class: "quiet" }, `Length ${position(data.seconds)}, model ${data.model}`),
      ...data.warnings.map((warning) => make("p", { class: "warning" }, warning)));
    this.addPlayer();
    this.addPictures();
    this.section.append(make("h3", {}, "Events"), this.eventTable(), make("h3", {}, "Numbers"), this.numberTable());
    // Pictures are drawn when a reader comes near, because a report may have many recordings.
    new IntersectionObserver(() => this.draw(), { rootMargin: "200px" }).observe(this.section);
    new ResizeObserver(() => this.draw()).observe(this.pictures);
  }

  addPlayer() {
    const row = make("div", { class: "player" });
    if (this.data.audio) {
      this.audio = make("audio", { controls: "", preload: "metadata", "aria-label": `Player of ${this.data.name}` });
      this.audio.src = this.data.audio;
      for (const event of ["timeupdate", "seeked"]) this.audio.addEventListener(event, () => this.follow());
      this.audio.addEventListener("play", () => this.run());
      const note = make("p", { class: "warning", role: "status", hidden: "" }, unplayed(this.data.name));
      this.audio.addEventListener("error", () => { note.hidden = false; });
      row.append(this.audio, note);
    }
    const choices = spans.filter((span) => span < this.data.seconds);
    if (choices.length) {
      const options = choices.map((span) => new Option(`${position(span, 0)} minutes`, span));
      const select = make("select", {}, new Option("all", this.span), ...options);
      select.addEventListener("change", () => {
        this.span = Number(select.value);
        this.move(this.time);
      });
      row.append(make("label", {}, "Show ", select));
    }
    this.section.append(row);
  }

  addPictures() {
    this.canvases = ["spectrogram", "timeline", "curves", "times"].map((name) => make("canvas", { class: name }));
    this.cursor = make("i", { class: "cursor" });
    this.more = make("p", { class: "quiet", hidden: "" });
    this.legend = make("ul", { class: "legend", "aria-label": "Colours of the curves" });
    this.key = make("p", { class: "quiet key" });
    this.here = make("p", { class: "here" });
    this.pictures = make("div", {
      class: "pictures", tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": this.data.seconds.toFixed(1),
      "aria-label": `Position in ${this.data.name}, with spectrogram, events and curves of the classes`,
    }, ...this.canvases, this.cursor);
    this.timeline = new Timeline(this.canvases[1], this.more, this.slots);
    this.timeline.isRecording = true;
    this.data.events.forEach(({ label, t0, t1 }, id) => this.timeline.set(id, { label, from: t0, to: t1 }));
    this.chart = new Chart(this.canvases[2], this.legend, this.slots);
    this.chart.mostNames = Infinity;
    this.chart.longestStep = Math.max(1, 2 * this.data.curve_seconds);
    const scores = new Map([...this.curves].map(([label, points]) => [label, Math.max(...points.map(([, p]) => p))]));
    // Classes with events come first where colours are scarce.
    const heard = new Set(this.data.events.map(({ label }) => label));
    for (const label of heard) scores.set(label, 1 + (scores.get(label) ?? 0));
    for (const [label, score] of scores) if (isBackground(label)) scores.set(label, score - 2);
    const drawn = [...scores].sort((one, other) => other[1] - one[1]).slice(0, mostCurves);
    this.drawn = new Set(drawn.map(([label]) => label));
    this.slots.assign(new Map(drawn.filter(([label]) => !isBackground(label))));
    const hasBroken = drawn.some(([label]) => isDashed(this.slots.slot(label)));
    this.key.textContent = explanation(this.data, hasBroken, scores.size - drawn.length);
    this.pictures.addEventListener("keydown", (event) => this.press(event));
    this.pictures.addEventListener("click", (event) => {
      const plot = this.pictures.getBoundingClientRect();
      const part = (event.clientX - plot.left - this.left) / (plot.width - this.left);
      this.seek(this.start + Math.max(0, Math.min(1, part)) * this.span);
    });
    this.section.append(this.pictures, this.here, this.more, this.legend, this.key);
  }

  eventTable() {
    if (!this.data.events.length) return make("p", {}, "No event.");
    const rows = this.data.events.map(({ label, t0, t1, p_max: peak }) => {
      const jump = make("button", { type: "button", "aria-label": `Go to ${friendly(label)} at ${position(t0)}` },
        position(t0));
      jump.addEventListener("click", () => this.seek(t0));
      return [jump, `${(t1 - t0).toFixed(2)} s`, classWords(label), percent(peak)];
    });
    return table(`Events of ${this.data.name}`, ["Time", "Length", "Class", "Highest"], rows);
  }

  numberTable() {
    const rows = this.data.numbers.map((one) =>
      [classWords(one.label), percent(one.max), percent(one.mean), `${one.events}`, `${one.seconds.toFixed(1)} s`]);
    const heads = ["Class", "Highest", "Mean", "Events", "In total"];
    return table(`Numbers of ${this.data.name}`, heads, rows);
  }

  // MARK: Position

  /** Handles the keys of a slider, and the space bar of a player. */
  press(event) {
    const steps = {
      ArrowRight: smallStep, ArrowUp: smallStep, ArrowLeft: -smallStep, ArrowDown: -smallStep,
      PageUp: largeStep, PageDown: -largeStep, Home: -Infinity, End: Infinity,
    };
    if (event.key === " " && this.audio) {
      if (this.audio.paused) this.audio.play(); else this.audio.pause();
    } else if (event.key in steps) {
      this.seek(this.time + steps[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  }

  seek(time) {
    const inside = Math.max(0, Math.min(this.data.seconds, time));
    if (this.audio) this.audio.currentTime = inside;
    this.move(inside);
  }

  /** Follows the player smoothly while it plays. */
  run() {
    this.follow();
    if (!this.audio.paused) requestAnimationFrame(() => this.run());
  }

  follow() {
    this.move(this.audio.currentTime);
  }

  /** Shows a position, in a span that contains it. */
  move(time) {
    this.time = time;
    const latest = Math.max(0, this.data.seconds - this.span);
    const isOutside = time < this.start || time > this.start + this.span;
    const start = Math.max(0, Math.min(latest, isOutside ? time - 0.1 * this.span : this.start));
    const isNew = start !== this.start || this.drawnSpan !== this.span;
    this.start = start;
    if (isNew) this.draw(); else this.mark();
  }

  /** Shows the position as a line, in words, and for screen readers. */
  mark() {
    const part = (this.time - this.start) / this.span;
    this.cursor.style.left = `${this.left + part * (this.pictures.clientWidth - this.left)}px`;
    const nearest = Math.round((this.time - this.data.curve_start) / this.data.curve_seconds);
    const index = Math.max(0, Math.min(this.data.curve_columns - 1, nearest));
    const top = [...this.curves].map(([label, points]) => [label, points[index]?.[1] ?? 0])
      .sort((one, other) => other[1] - one[1]).slice(0, 3);
    const parts = top.flatMap(([label, p], index) =>
      [index ? ", " : "", isolated(friendly(label)), ` ${percent(p)}`]);
    this.here.replaceChildren(`${position(this.time)}: `, ...parts);
    this.pictures.setAttribute("aria-valuenow", this.time.toFixed(1));
    this.pictures.setAttribute("aria-valuetext", this.here.textContent);
  }

  // MARK: Pictures

  draw() {
    const end = this.start + this.span;
    this.drawnSpan = this.span;
    this.drawSpectrogram(end);
    this.timeline.draw(end, this.span);
    const shown = [...this.curves].filter(([label]) => this.drawn.has(label)).map(([label, points]) =>
      [label, points.filter(([time]) => time >= this.start - this.chart.longestStep && time <= end)]);
    this.chart.draw(new Map(shown), end, this.span);
    drawTimes(this.canvases[3], end, (time) => position(time, this.span < 6 ? 1 : 0), this.span);
    this.mark();
  }

  drawSpectrogram(end) {
    const plot = new Plot(this.canvases[0], this.span);
    this.left = plot.left;
    drawFrequencies(plot, this.data);
    plot.clip();
    const columns = 1 / this.data.column_seconds;
    plot.context.drawImage(this.image, this.start * columns, 0, this.span * columns, this.data.bands,
      plot.left, 0, plot.width - plot.left, plot.height);
  }
}

/** Returns how to read the pictures of a recording. */
function explanation({ model, onset_delay: delay, events }, hasBroken, leftOut) {
  const words = [];
  if (events.length) words.push("A bar is an event.");
  if (events.length && delay) {
    const time = `${Number(delay.toFixed(2))} s`;
    words.push(`${model} usually notices a sound ${time} after its beginning: the curve rises late, and the bar begins `
      + `${time} earlier than that. Where the model was quicker, the bar begins before the sound.`);
  }
  if (hasBroken) words.push("Broken lines are curves, too: the colours of further classes.");
  if (leftOut) words.push(`${quantity(leftOut, "less likely class has", "less likely classes have")} no curve.`);
  return words.join(" ");
}

/** Returns the curves of a recording: a map from labels to points of time and probability. */
function decodedCurves(data) {
  const values = bytes(data.curves);
  const count = data.labels.length;
  return new Map(data.labels.map((label, index) => [label, Array.from({ length: data.curve_columns }, (_, column) =>
    [data.curve_start + column * data.curve_seconds, values[column * count + index] / 255])]));
}

/** Returns the spectrogram of a recording as a picture, one pixel for each value. */
function picture(data) {
  const canvas = make("canvas", { width: Math.max(1, data.columns), height: data.bands });
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, data.bands);
  bytes(data.spectrogram).forEach((level, index) => {
    const [column, band] = [Math.floor(index / data.bands), index % data.bands];
    image.data.set([...colourOf(level / 255), 255], 4 * ((data.bands - 1 - band) * canvas.width + column));
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The list of recordings, with links to them. */
function contents(recordings) {
  const rows = recordings.map((one, index) => [
    make("a", { href: `#recording-${index + 1}` }, pathWords(one.name)), position(one.seconds),
    `${one.events.length}`, one.first === null ? "none" : classWords(one.first),
  ]);
  return table("Recordings", ["Recording", "Length", "Events", "First label"], rows);
}

/** The files that are not on the page, with the reasons. */
function missingFiles(failures) {
  return make("section", { "aria-labelledby": "failures" }, make("h2", { id: "failures" }, "Files without a result"),
    table("Files without a result", ["Reason", "Message"],
      failures.map(({ code, message }) => [code, pathWords(message)])));
}

const entries = JSON.parse(document.getElementById("data").textContent);
const recordings = entries.filter(({ type }) => type === "recording");
const failures = entries.filter(({ type }) => type === "failure");
const main = document.querySelector("main");
if (recordings.length > 1) main.append(make("section", {}, make("h2", {}, "Recordings"), contents(recordings)));
if (failures.length) main.append(missingFiles(failures));
const shown = recordings.map((data, index) => new Recording(data, index));
main.append(...shown.map((one) => one.section));
// An archive's page links to a time in a recording.
const [, linked] = /^#t=([\d.]+)$/.exec(location.hash) ?? [];
if (linked) shown[0]?.seek(Number(linked));
