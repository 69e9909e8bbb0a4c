// The device's microphone at a model's rate.

/** Failures of `getUserMedia` in words. */
const sentences = {
  NotAllowedError: "The browser may not use the microphone. Allow it for this page, and press Listen again.",
  NotFoundError: "No microphone was found. Connect one, and press Listen again.",
  NotReadableError: "The microphone cannot be used; another program may hold it.",
  OverconstrainedError: "The microphone does not offer what the page needs.",
};

/** A running microphone, which calls `onBlock` with 16-bit samples and `onEnd` when it is disconnected. */
export class Recorder {
  static async open(rate, onBlock, onEnd) {
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give their microphone only to https pages and to localhost. Open the page that way.");
    }
    const recorder = new Recorder();
    recorder.rate = rate;
    try {
      recorder.media = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      });
      recorder.media.getAudioTracks()[0].onended = onEnd;
      recorder.context = new AudioContext({ sampleRate: rate });
      await recorder.context.resume();
      await recorder.context.audioWorklet.addModule("microphone.js");
      const node = new AudioWorkletNode(recorder.context, "microphone", { processorOptions: { rate } });
      node.port.onmessage = ({ data }) => onBlock(data);
      recorder.context.createMediaStreamSource(recorder.media).connect(node);
    } catch (error) {
      recorder.close();
      throw new Error(sentences[error.name] ?? `The microphone failed: ${error.message}`);
    }
    return recorder;
  }

  close() {
    this.media?.getTracks().forEach((track) => track.stop());
    this.context?.close();
  }
}

/** Sends blocks of samples to a stream, and measures the delay of its predictions. */
export class Sender {
  constructor(socket, rate) {
    this.socket = socket;
    this.rate = rate;
    this.sent = 0;
    this.lost = 0;
    // The end and the time of each sent block.
    this.blocks = [];
    this.delays = [];
  }

  send(block) {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.sent += block.byteLength / 2;
    // The connection is two seconds behind, so the block is dropped and reported as a gap.
    if (this.socket.bufferedAmount > 4 * this.rate) {
      this.lost += block.byteLength / 2;
      return;
    }
    if (this.lost > 0) this.socket.send(JSON.stringify({ type: "gap", lost_samples: this.lost }));
    this.lost = 0;
    this.blocks.push({ end: this.sent, time: performance.now() });
    this.socket.send(block);
  }

  /** Returns the median delay in milliseconds after every 25th prediction; otherwise undefined. */
  delay(sample) {
    while (this.blocks.length > 1 && this.blocks[0].end < sample) this.blocks.shift();
    if (!(this.blocks[0]?.end >= sample)) return undefined;
    this.delays.push(performance.now() - this.blocks[0].time);
    if (this.delays.length < 25) return undefined;
    const median = this.delays.sort((one, other) => one - other)[12];
    this.delays = [];
    return median;
  }
}
