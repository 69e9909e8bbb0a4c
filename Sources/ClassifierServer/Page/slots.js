// Eight colours for the classes in the pictures. More would look alike, so that all other classes are grey.

/** Number of colours; page.css defines them. */
export const slotCount = 8;

/** How much likelier than a coloured class another one must be to take its colour. */
const margin = 0.2;

/** Gives each of the likeliest classes a colour of its own, which the class keeps while it is in the picture. */
export class Slots {
  constructor() {
    this.slots = new Map();
  }

  clear() {
    this.slots.clear();
  }

  /** Returns the index of a label's colour; undefined for grey. */
  slot(label) {
    return this.slots.get(label);
  }

  /** Distributes the colours over the labels in the picture. Scores are a map from labels to numbers. */
  assign(scores) {
    for (const label of this.slots.keys()) if (!scores.has(label)) this.slots.delete(label);
    const waiting = [...scores].filter(([label]) => !this.slots.has(label)).sort((one, other) => other[1] - one[1]);
    for (const [label, score] of waiting) {
      const taken = new Set(this.slots.values());
      const free = [...Array(slotCount).keys()].find((slot) => !taken.has(slot));
      if (free !== undefined) {
        this.slots.set(label, free);
        continue;
      }
      const weakest = [...this.slots.keys()].sort((one, other) => scores.get(one) - scores.get(other))[0];
      if (score < scores.get(weakest) + margin) return;
      this.slots.set(label, this.slots.get(weakest));
      this.slots.delete(weakest);
    }
  }
}
