// Common to the pages of recordings and of archives: elements, tables, and numbers as words.

const percent = (part) => `${(part * 100).toFixed(0)} %`;

/** Returns a number with the word for so many things. */
const quantity = (number, one, several) => `${number.toLocaleString("en")} ${number === 1 ? one : several}`;

/** Returns a time in a recording as minutes and seconds, with tenths where they matter. */
function position(seconds, decimals = 1) {
  const factor = 10 ** decimals;
  const units = Math.max(0, Math.round(seconds * factor));
  const text = ((units % (60 * factor)) / factor).toFixed(decimals);
  return `${Math.floor(units / 60 / factor)}:${text.padStart(decimals ? 3 + decimals : 2, "0")}`;
}

function make(name, properties = {}, ...children) {
  const one = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) one.setAttribute(key, value);
  one.append(...children);
  return one;
}

/** Returns a text whose lines may also end behind some characters. */
function breakable(text, characters) {
  const parts = text.split(new RegExp(`(?<=[${characters}])`));
  return make("span", {}, ...parts.flatMap((part, index) => (index ? [make("wbr"), part] : [part])));
}

/** Returns a class as a reader would say it, whose lines end between its words. */
const classWords = (label) => breakable(friendly(label), "_");

/** Returns a path, or a sentence with one: its lines end between its parts, and anywhere in a part that is long. */
function pathWords(text) {
  const words = breakable(text, "_/");
  words.className = "path";
  return words;
}

/** A table that scrolls by itself on a narrow screen. Numbers with their units have one line. */
function table(caption, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const isNumber = (cell) => typeof cell === "string" && /^[\d.,:]+( \S+)?$/.test(cell);
  const body = rows.map((cells) =>
    make("tr", {}, ...cells.map((cell) => make("td", isNumber(cell) ? { class: "number" } : {}, cell))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

/** Returns why a recording is not heard. */
const unplayed = (name) =>
  `${name} is not played: it is no longer where it was beside this page, or this browser does not know its format.`;
