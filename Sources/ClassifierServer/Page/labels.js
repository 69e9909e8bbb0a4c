// Names of classes for readers.

const names = new Map([["_silence_", "silence"], ["_unknown_", "other sounds"]]);

/** Returns a label as a reader would say it. */
export const friendly = (label) => names.get(label) ?? label;

/** Returns a text that keeps its place in a sentence, though it may be one from right to left. */
export function isolated(text) {
  const element = document.createElement("bdi");
  element.append(text);
  return element;
}

/** Whether a label stands for the absence of all classes. */
export const isBackground = (label) => names.has(label);
