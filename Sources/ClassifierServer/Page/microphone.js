// Runs in the browser's audio thread: brings the microphone to the model's rate and hands over 16-bit samples, 40 ms at a time.
//
// The browser has been asked for an AudioContext at the model's rate and resamples itself, well; where it does not, every output
// sample is the mean of the input samples that fall into its time, which keeps aliases of a voice down.
class Microphone extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.rate = options.processorOptions.rate;
    this.step = sampleRate / this.rate;
    this.position = 0;
    this.sum = 0;
    this.count = 0;
    this.size = Math.round(this.rate * 0.04);
    this.block = new Int16Array(this.size);
    this.filled = 0;
  }

  process(inputs) {
    const channels = inputs[0];
    if (channels.length === 0) return true;
    for (let index = 0; index < channels[0].length; index++) {
      let value = 0;
      for (const channel of channels) value += channel[index];
      this.sum += value / channels.length;
      this.count++;
      this.position++;
      if (this.position >= this.step) {
        this.position -= this.step;
        this.push(this.sum / this.count);
        this.sum = 0;
        this.count = 0;
      }
    }
    return true;
  }

  push(value) {
    this.block[this.filled++] = Math.max(-1, Math.min(1, value)) * 32767;
    if (this.filled < this.size) return;
    // The buffer is handed over, not copied: this array has no length from then on.
    this.port.postMessage(this.block.buffer, [this.block.buffer]);
    this.block = new Int16Array(this.size);
    this.filled = 0;
  }
}

registerProcessor("microphone", Microphone);
