import { friendly } from "./labels.js";

/** Largest number of events in the table, and in the download. */
const mostRows = 500;
const mostRecords = 20000;
/** The least time between two announcements for screen readers, in milliseconds. */
const announcementPeriod = 2000;

/** The events so far: a table with the newest first, announcements, and a download. */
export class EventList {
  constructor(table, announcement, download) {
    this.table = table;
    this.announcement = announcement;
    this.button = download;
    download.addEventListener("click", () => this.download());
    this.clear();
  }

  clear() {
    this.records = [];
    this.rows = new Map();
    this.table.replaceChildren();
    this.announcement.textContent = "";
    this.button.disabled = true;
    this.announced = -Infinity;
    this.unspoken = new Set();
  }

  get isEmpty() {
    return this.rows.size === 0;
  }

  /** Adds an event, or replaces it by its end. `words` is its time for readers, `time` in seconds since 1970. */
  add(id, record, words, time) {
    this.records.push({ ...record, time });
    this.records.splice(0, this.records.length - mostRecords);
    this.button.disabled = false;
    let row = this.rows.get(id);
    if (!row) {
      row = this.table.insertRow(0);
      this.rows.set(id, row);
      row.insertCell().textContent = words;
      for (let cell = 1; cell < 4; cell++) row.insertCell();
      row.cells[2].textContent = friendly(record.label);
      this.announce(friendly(record.label));
      if (this.rows.size > mostRows) this.removeOldest();
    }
    row.cells[1].textContent = record.t1 === null ? "going on" : `${(record.t1 - record.t0).toFixed(2)} s`;
    row.classList.toggle("open", record.t1 === null);
    row.cells[3].textContent = `${(record.p_max * 100).toFixed(0)} %`;
  }

  removeOldest() {
    this.rows.delete(this.rows.keys().next().value);
    this.table.deleteRow(-1);
  }

  /** Marks the events that last as cut off, because their stream has gone. */
  cut() {
    for (const row of this.table.querySelectorAll(".open")) {
      row.cells[1].textContent = "cut off";
      row.classList.remove("open");
    }
  }

  /** Speaks new events, a few together when many come. */
  announce(label) {
    this.unspoken.add(label);
    if (this.unspoken.size > 1) return;
    const wait = Math.max(0, this.announced + announcementPeriod - performance.now());
    setTimeout(() => {
      if (!this.unspoken.size) return;
      this.announced = performance.now();
      this.announcement.textContent = [...this.unspoken].join(", ");
      this.unspoken.clear();
    }, wait);
  }

  download() {
    const blob = new Blob(this.records.map((record) => `${JSON.stringify(record)}\n`), { type: "application/jsonl" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "events.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
