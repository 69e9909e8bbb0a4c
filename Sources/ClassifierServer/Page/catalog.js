import { ask } from "./service.js";

/** The service's models and running streams, in the page's two lists of choices. */
export class Catalog {
  constructor(source, model) {
    this.source = source;
    this.model = model;
    this.models = [];
    /** The models of running streams by the streams' names. */
    this.streams = new Map();
    source.addEventListener("change", () => this.choose());
  }

  /** The name of the chosen stream; null for the microphone. */
  get stream() {
    return this.source.value === "microphone" ? null : this.source.value.slice(2);
  }

  async loadModels() {
    this.models = await ask("v1/models");
    const chosen = this.model.value;
    this.model.replaceChildren(...this.models.map((model) => new Option(model.model, model.model)));
    if (this.models.some((model) => model.model === chosen)) this.model.value = chosen;
    this.choose();
  }

  /** Updates the list of streams, without the page's own one. */
  async loadStreams(own) {
    const streams = await ask("v1/streams");
    this.streams = new Map(streams.map((stream) => [stream.stream, stream.model]));
    const names = [...this.streams.keys()].filter((name) => name !== own);
    for (const option of [...this.source.options].slice(1)) {
      const index = names.indexOf(option.value.slice(2));
      if (index >= 0) names.splice(index, 1); else if (!option.selected) option.remove();
    }
    for (const name of names) this.source.add(new Option(`stream ${name}`, `s:${name}`));
  }

  /** Shows the model of the chosen stream; only a microphone's model can be chosen. */
  choose() {
    if (this.streams.has(this.stream)) this.model.value = this.streams.get(this.stream);
    this.model.disabled = this.isFixed || this.stream !== null;
    this.source.disabled = this.isFixed;
  }

  /** Forbids or allows another choice. */
  fix(isFixed) {
    this.isFixed = isFixed;
    this.choose();
  }

  /** Returns the model of a stream by its first record. */
  modelOf(record) {
    // A stream goes on with its model after the service has replaced the model.
    return this.models.find((one) => one.model_sha256 === record.model_sha256)
      ?? { model: record.model, rate: record.rate, labels: [] };
  }
}
