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

/** A table that scrolls by itself on a narrow screen. */
function table(caption, heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}
