import { friendly, isBackground } from "./labels.js";

/** Number of classes in the list. */
const shownClasses = 5;
const exampleCount = 3;

/** The classes of the newest prediction, and a hint until the first event. */
export class Current {
  constructor(element) {
    this.section = element("now");
    this.title = element("now-title");
    this.list = element("top");
    this.hint = element("hint");
    this.model = element("model-in-use");
  }

  clear() {
    this.list.replaceChildren();
    this.model.textContent = "";
  }

  /** Describes the stream in front of the reader. */
  describe(source, model) {
    const count = model.labels.length;
    const classes = count ? `, ${count} classes` : "";
    this.model.textContent = `${source}, model ${model.model}${classes}, ${model.rate / 1000} kHz`;
    const examples = model.labels.filter((label) => !isBackground(label)).slice(0, exampleCount)
      .map((label) => `“${label}”`).join(", ");
    const advice = examples ? `Try one of the model’s classes, such as ${examples}` : "Make a sound";
    this.suggest(`Nothing heard yet. ${advice}.`);
  }

  /** Shows a hint; null for none. */
  suggest(text) {
    this.hint.hidden = text === null;
    this.hint.textContent = text ?? "";
  }

  show(top) {
    const shown = top.slice(0, shownClasses);
    while (this.list.children.length > shown.length) this.list.lastElementChild.remove();
    while (this.list.children.length < shown.length) {
      const item = document.createElement("li");
      item.append(document.createElement("i"), document.createElement("span"), document.createElement("span"));
      this.list.append(item);
    }
    shown.forEach(({ label, p }, index) => {
      const [bar, name, value] = this.list.children[index].children;
      bar.style.width = `${p * 100}%`;
      name.textContent = friendly(label);
      value.textContent = `${(p * 100).toFixed(0)} %`;
    });
  }

  /** Marks the list as old, heard at a time in words; null for the present. */
  freeze(time) {
    this.section.classList.toggle("old", time !== null);
    this.title.textContent = time === null ? "Now" : `At ${time}`;
  }
}
