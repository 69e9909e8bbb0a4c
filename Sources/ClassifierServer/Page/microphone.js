// Runs in the browser's audio thread: converts the microphone to the model's rate and posts 16-bit samples in blocks of
// 40 ms.
//
// Browsers that support an AudioContext at the model's rate resample by themselves. In others every output sample is
// the mean of the input samples in its interval, which attenuates aliases of a voice.
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
    // The buffer is transferred, so that a new array is needed.
    this.port.postMessage(this.block.buffer, [this.block.buffer]);
    this.block = new Int16Array(this.size);
    this.filled = 0;
  }
}

registerProcessor("microphone", Microphone);
