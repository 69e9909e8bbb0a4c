// The page of an archive: hours by label, a map of times, the surest examples with a player, failures.

/** Labels that the table shows at first, and examples of all labels. */
const firstLabels = 15;
const firstExamples = 12;
const hoursOfDay = 24;
const kinds = {
  summary: ["recordings", "whole recordings, each under its first label"],
  window: ["windows", "windows, each under its first label"],
  event: ["events", "events"],
};

/** Returns a duration as hours, minutes or seconds. */
function duration(seconds) {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(seconds < 36e3 ? 2 : seconds < 36e4 ? 1 : 0)} h`;
}

const count = (number) => number.toLocaleString("en");
const dayOf = (position) => new Date(position * 864e5);
const words = (day, options) => day.toLocaleDateString("en-GB", { timeZone: "UTC", ...options });

/** A map of the seconds of a label: hours of days, or groups of files in their order. */
class Heatmap {
  constructor(data) {
    this.data = data;
    this.isCalendar = data.map === "calendar";
    this.rows = this.isCalendar ? hoursOfDay : 1;
    this.columns = data.map_columns.map((one) => one.position);
    this.here = make("p", { class: "here", role: "status" });
    this.scale = make("p", { class: "quiet" });
    this.map = make("div", { class: this.isCalendar ? "map" : "map order", tabindex: 0, role: "group" });
    this.current = [0, 0];
    this.map.addEventListener("keydown", (event) => this.press(event));
    this.map.addEventListener("click", (event) => {
      const cell = event.target.closest("td");
      if (cell) this.move(cell.parentNode.rowIndex - 1, cell.cellIndex - 1);
    });
  }

  /** Shows the map of a label; null is all sound. */
  show(label) {
    const one = this.data.maps.find((map) => map.label === label);
    const values = new Map((one?.cells ?? []).map((cell, index) => [cell, one.seconds[index]]));
    const most = Math.max(0, ...values.values());
    this.label = label;
    this.values = values;
    const name = label === null ? "all sound" : friendly(label);
    this.map.ariaLabel = `${this.isCalendar ? "Hours of days" : "Order of the files"} with ${name}; `
      + "arrow keys move, the words below follow";
    const heads = this.columns.map((position, index) => {
      const head = make("th", { scope: "col" }, this.head(position, index));
      if (this.isGap(index)) head.className = "gap";
      return head;
    });
    const rows = Array.from({ length: this.rows }, (_, row) => make("tr", {},
      make("th", { scope: "row" }, this.isCalendar ? `${String(row).padStart(2, "0")}:00` : ""),
      ...this.columns.map((_, column) => {
        const cell = make("td");
        const seconds = values.get(column * hoursOfDay + row);
        if (seconds > 0) {
          const part = 100 * Math.sqrt(seconds / most);
          cell.style.setProperty("--part", `${part}%`);
          cell.style.setProperty("--rest", `${100 - part}%`);
        }
        if (this.isGap(column)) cell.className = "gap";
        return cell;
      })));
    this.map.replaceChildren(
      make("table", {}, make("thead", {}, make("tr", {}, make("td"), ...heads)), make("tbody", {}, ...rows)));
    this.scale.replaceChildren(`A cell is ${this.unit}: nothing `, make("i", { class: "scale" }), ` ${duration(most)}`);
    const [row, column] = this.current;
    this.move(row, column, false);
  }

  get unit() {
    const unit = this.data.map_unit;
    if (!this.isCalendar) return unit === 1 ? "a file" : `${unit} files in their order`;
    return unit === 1 ? "an hour of a day" : `an hour of ${unit} days`;
  }

  /** Whether the map leaves out empty columns before this one. */
  isGap(column) {
    return column > 0 && this.columns[column] - this.columns[column - 1] > this.data.map_unit;
  }

  /** The words above a column: every tenth file's number; the first day of a month, and days after a gap. */
  head(position, index) {
    if (!this.isCalendar) return index % 10 ? "" : count(position + 1);
    const day = dayOf(position);
    const last = index ? dayOf(this.columns[index - 1]) : null;
    const isNew = !last || this.isGap(index) || last.getUTCFullYear() !== day.getUTCFullYear();
    // Words need the room of several columns.
    this.lastHead = index ? this.lastHead : -Infinity;
    if (index - this.lastHead < 6 || !(isNew || last.getUTCMonth() !== day.getUTCMonth())) return "";
    this.lastHead = index;
    return words(day, { day: "numeric", month: "short", ...(isNew ? { year: "numeric" } : {}) });
  }

  press(event) {
    const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const ends = { Home: 0, End: this.columns.length - 1 };
    const [row, column] = this.current;
    if (event.key in steps) this.move(row + steps[event.key][0], column + steps[event.key][1]);
    else if (event.key in ends) this.move(row, ends[event.key]);
    else return;
    event.preventDefault();
  }

  /** Moves to a cell, and says its content. */
  move(row, column, follows = true) {
    const inside = (value, limit) => Math.max(0, Math.min(limit - 1, value));
    this.current = [inside(row, this.rows), inside(column, this.columns.length)];
    const cell = this.map.querySelector("tbody")?.rows[this.current[0]]?.cells[this.current[1] + 1];
    if (!cell) return;
    this.map.querySelector(".here")?.classList.remove("here");
    if (follows) {
      cell.classList.add("here");
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    const seconds = this.values.get(this.current[1] * hoursOfDay + this.current[0]) ?? 0;
    const name = this.label === null ? "all sound" : friendly(this.label);
    this.here.textContent = `${this.place(...this.current)}: ${seconds ? duration(seconds) : "nothing"} of ${name}`;
  }

  /** A cell's place in words. */
  place(row, column) {
    const [position, unit] = [this.columns[column], this.data.map_unit];
    if (!this.isCalendar) {
      const last = Math.min(position + unit, this.data.files);
      return unit === 1 ? `File ${count(position + 1)}` : `Files ${count(position + 1)} to ${count(last)}`;
    }
    const options = { weekday: "short", day: "numeric", month: "short", year: "numeric" };
    const last = unit === 1 ? "" : ` to ${words(dayOf(position + unit - 1), options)}`;
    return `${words(dayOf(position), options)}${last}, ${row}:00 to ${row + 1}:00`;
  }
}

/** The surest examples, and a player for them. */
class Examples {
  constructor(data) {
    this.data = data;
    this.list = make("div");
    this.note = make("p", { class: "quiet", role: "status" });
    this.audio = make("audio", { controls: "", preload: "none", "aria-label": "Player of the chosen example" });
    this.audio.addEventListener("error", () => {
      this.note.textContent = unplayed(this.playing);
    });
    this.player = make("div", { class: "player", hidden: "" }, this.audio);
  }

  /** Shows the examples of a label; null is the surest one of each label. */
  show(label) {
    const labels = this.data.labels.filter((one) => label === null || one.label === label);
    const entries = label === null
      ? labels.filter((one) => one.examples.length).slice(0, firstExamples).map((one) => [one.label, one.examples[0]])
      : labels.flatMap((one) => one.examples.map((example) => [one.label, example]));
    const rows = entries.map(([name, example]) => this.row(name, example));
    this.list.replaceChildren(rows.length
      ? table("Surest examples", ["Play", "Class", "Sure", "Recording", "Time"], rows) : "None is kept.");
    this.list.className = "examples";
  }

  row(label, example) {
    const { file, t0, t1, p, time, audio, report } = example;
    let play = "–";
    if (audio) {
      play = make("button", { type: "button", "aria-label": `Play ${friendly(label)} in ${file}` }, "▶");
      play.addEventListener("click", () => this.play(example));
    }
    const name = audio ? make("a", { href: audio }, pathWords(file)) : pathWords(`${file} (not found)`);
    const cell = make("span", {}, name);
    if (report) {
      const link = make("a", { href: `${report}#t=${t0}` }, "report");
      link.ariaLabel = `Report of ${file}`;
      cell.append(" · ", link);
    }
    const place = this.data.kind === "summary" ? duration(t1) : `${position(t0)} to ${position(t1)}`;
    const parts = time ? [`${place},`, time.slice(0, 10), time.slice(11, 19)] : [place];
    const when = () => parts.flatMap((part) => [make("span", { class: "number" }, part), " "]);
    // On a narrow screen the time is below the recording.
    cell.append(make("span", { class: "below quiet" }, ...when()));
    return [play, classWords(label), percent(p), cell, make("span", {}, ...when())];
  }

  play({ file, audio, t0 }) {
    this.playing = file;
    this.player.hidden = false;
    this.note.textContent = file;
    if (this.source !== audio) this.audio.src = audio;
    this.source = audio;
    const begin = () => {
      this.audio.currentTime = t0;
      this.audio.play().catch(() => {});
    };
    if (this.audio.readyState) begin(); else this.audio.addEventListener("loadedmetadata", begin, { once: true });
    this.audio.load();
  }
}

function facts(data) {
  const sum = (wanted) => data.reasons.reduce((all, one) => all + (wanted(one) ? one.count : 0), 0);
  const cut = sum(({ code, outcome }) => outcome === "used" && code === "cut");
  const entries = [
    ["Recordings", count(data.files)], ["Sound", duration(data.seconds)], ["Classes", count(data.label_count)],
    ["Failed", count(sum(({ outcome }) => outcome === "failed"))],
    ["Skipped", count(sum(({ outcome }) => outcome === "skipped"))], ...(cut ? [["Cut", count(cut)]] : []),
  ];
  return make("dl", { class: "facts" },
    ...entries.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** The table of labels, whose buttons choose a label for the map and the examples. */
function labelTable(data, choose) {
  const most = Math.max(...data.labels.map((one) => one.seconds), 1e-9);
  const rows = data.labels.map((one) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, classWords(one.label));
    button.addEventListener("click", () => choose(one.label));
    button.dataset.label = one.label;
    // On a narrow screen the bar is below its class.
    const [beside, below] = ["bar", "bar below"].map((name) => {
      const bar = make("i", { class: name });
      bar.style.width = `${(100 * one.seconds) / most}%`;
      return bar;
    });
    return [make("div", {}, button, below), beside, duration(one.seconds), count(one.count), percent(one.p_max)];
  });
  const unit = kinds[data.kind]?.[0] ?? "rows";
  const heads = ["Class", "", "In total", unit[0].toUpperCase() + unit.slice(1), "Surest"];
  const whole = table("Hours by class", heads, rows);
  whole.classList.add("labels");
  const later = [...whole.querySelectorAll("tbody tr")].slice(firstLabels);
  for (const row of later) row.hidden = true;
  if (!later.length) return [whole];
  const hidden = quantity(later.length, "more class", "more classes");
  const more = make("button", { type: "button", class: "more" }, `Show ${hidden}`);
  more.addEventListener("click", () => {
    for (const row of later) row.hidden = false;
    more.remove();
    later[0].querySelector("button").focus();
  });
  return [whole, more];
}

/** The files without a result, and those whose result has warnings. */
function remarks(data) {
  if (!data.reasons.length) return [];
  const outcomes = { failed: "failed", skipped: "skipped", used: "with a result" };
  const reasons = data.reasons.map((one) => [one.code, outcomes[one.outcome], count(one.count)]);
  const files = data.remarks.map((one) => [pathWords(one.file), outcomes[one.outcome], pathWords(one.message)]);
  const heads = ["Files without a result", "Files with warnings", "Files without a result or with warnings"];
  const areUsed = data.reasons.map((one) => one.outcome === "used");
  const head = heads[areUsed.every(Boolean) ? 1 : areUsed.some(Boolean) ? 2 : 0];
  const total = data.reasons.reduce((sum, one) => sum + one.count, 0);
  const isCut = total > files.length;
  const note = isCut ? [make("p", { class: "quiet" }, `The first ${count(files.length)} of ${count(total)}:`)] : [];
  return [make("section", { class: "lost", "aria-labelledby": "failures" },
    make("h2", { id: "failures" }, head),
    table("Reasons", ["Reason", "", "Files"], reasons), ...note, table("Files", ["File", "", "Message"], files))];
}

const data = JSON.parse(document.getElementById("data").textContent);
const main = document.querySelector("main");
main.classList.add("archive");
document.title = `Archive: ${data.sources.join(", ")}`;
const recordings = new Map(data.labels.flatMap((one) => one.examples).map((example) => [example.file, example.audio]));
const lost = [...recordings.values()].filter((audio) => audio === null).length;
const silent = lost ? [make("p", { class: "quiet" }, `${count(lost)} of ${count(recordings.size)} recordings were not `
  + "found when this page was made, and have no player: run report in the folder in which classify ran.")] : [];
const heatmap = new Heatmap(data);
const examples = new Examples(data);
const withMap = data.maps.map((one) => one.label).filter((label) => label !== null);
const select = make("select", { id: "label" }, new Option("all sound", ""),
  ...data.labels.map((one) => new Option(friendly(one.label), one.label)));

/** Shows a label everywhere; null is all sound. */
function choose(label) {
  select.selectedIndex = label === null ? 0 : 1 + data.labels.findIndex((one) => one.label === label);
  for (const button of main.querySelectorAll("[aria-pressed]")) {
    button.ariaPressed = String(button.dataset.label === label && label !== null);
  }
  missing.hidden = label === null || withMap.includes(label);
  heatmap.show(missing.hidden ? label : null);
  examples.show(label);
}

select.addEventListener("change", () =>
  choose(select.selectedIndex ? data.labels[select.selectedIndex - 1].label : null));
const missing = make("p", { class: "quiet", hidden: "" },
  `Only ${quantity(withMap.length, "class has a map, that", "classes have a map, those")} with the most hours; `
  + "this is the map of all sound.");
const what = kinds[data.kind]?.[1] ?? "rows";
const damaged = `Damaged lines that were left out: ${count(data.damaged_lines)}, the first is ${data.first_damage}.`;
const damage = data.damaged_lines ? [make("p", {}, damaged)] : [];
const timeless = data.map === "calendar" && data.timeless_seconds > 0
  ? [make("p", { class: "quiet" }, `${duration(data.timeless_seconds)} of sound have no time and are not in the map.`)]
  : [];
main.append(
  make("section", { "aria-labelledby": "whole" },
    make("h2", { id: "whole" }, pathWords(data.sources.join(", "))), facts(data), ...damage),
  make("section", { "aria-labelledby": "hours" }, make("h2", { id: "hours" }, "Hours by class"),
    make("p", { class: "quiet" }, `Counted are ${what}.`), ...labelTable(data, choose)),
  make("section", { "aria-labelledby": "when" },
    make("h2", { id: "when" }, data.map === "calendar" ? "Hours of days" : "Order of the files"),
    make("label", {}, "Class ", select), missing, heatmap.map, heatmap.here, heatmap.scale, ...timeless),
  make("section", { "aria-labelledby": "examples" }, make("h2", { id: "examples" }, "Surest examples"),
    ...silent, examples.player, examples.note, examples.list),
  ...remarks(data));
choose(null);
