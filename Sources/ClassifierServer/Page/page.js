// The live page shows one stream at a time: a new one from this device's microphone, or a running one.
// Labels and names come from models and clients, and are inserted as text, never as markup.

import { Chart } from "./chart.js";
import { ask, open } from "./service.js";
import { Spectrogram } from "./spectrogram.js";

const element = (id) => document.getElementById(id);
const spectrogram = new Spectrogram(element("spectrogram"));
const chart = new Chart(element("curves"), element("timeline"), element("legend"));
let models = [];
let session = null;
let records = [];
let latencies = [];
let isRedrawing = false;
let drawn = 0;

/** Number of classes in a prediction; more curves would be indistinguishable. */
const largestTop = 12;
/** Largest number of events for the download. */
const largestRecords = 20000;

// MARK: The service

/** Updates load and list of streams. */
async function refresh() {
  if (document.hidden) return;
  try {
    const [ready, streams] = await Promise.all([ask("readyz"), ask("v1/streams")]);
    element("streams").textContent = ready.streams;
    element("load").textContent = `${(ready.load * 100).toFixed(1)} %`;
    const source = element("source");
    const own = session?.id;
    const names = streams.map((stream) => stream.stream).filter((name) => name !== own);
    for (const option of [...source.options].slice(1)) {
      const index = names.indexOf(option.value.slice(2));
      if (index >= 0) names.splice(index, 1); else if (!option.selected) option.remove();
    }
    for (const name of names) source.add(new Option(`stream ${name}`, `s:${name}`));
    if (models.length === 0) await loadModels();
  } catch (error) {
    if (!session) say(error.message, true);
  }
}

async function loadModels() {
  models = await ask("v1/models");
  element("model").replaceChildren(...models.map((model) => new Option(model.model, model.model)));
  say("Not listening.");
}

// MARK: Listening

async function listen() {
  const source = element("source").value;
  if (!models.length) await loadModels();
  forget();
  if (source === "microphone") await listenToMicrophone();
  else watch(source.slice(2));
  element("listen").textContent = "Stop";
}

/** Enables the choice of a model for the microphone alone, because a running stream has its model. */
function choose() {
  element("model").disabled = element("source").value !== "microphone";
}

async function listenToMicrophone() {
  const model = models.find((one) => one.model === element("model").value) ?? models[0];
  if (!navigator.mediaDevices) {
    throw new Error("The browser gives its microphone to https pages and to localhost only.");
  }
  const media = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext({ sampleRate: model.rate });
  const own = { stops: [() => media.getTracks().forEach((track) => track.stop()), () => context.close()] };
  session = own;
  media.getAudioTracks()[0].onended = () => {
    if (session !== own) return;
    stop();
    say("The microphone was disconnected.", true);
  };
  await context.resume();
  await context.audioWorklet.addModule("microphone.js");
  const node = new AudioWorkletNode(context, "microphone", { processorOptions: { rate: model.rate } });
  const socket = open("v1/stream", {
    model: model.model, emit: "frames,events", features: true, live: true,
    top_k: Math.min(model.labels.length, largestTop),
  });
  own.socket = socket;
  // Number of recorded samples, and the end and time of each sent block, to measure the latency of predictions.
  own.recorded = 0;
  own.blocks = [];
  let lost = 0;
  node.port.onmessage = ({ data }) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    own.recorded += data.byteLength / 2;
    // The connection is two seconds behind, so the block is dropped and reported as a gap.
    if (socket.bufferedAmount > 4 * model.rate) { lost += data.byteLength / 2; return; }
    if (lost > 0) socket.send(JSON.stringify({ type: "gap", lost_samples: lost }));
    lost = 0;
    own.blocks.push({ end: own.recorded, time: performance.now() });
    socket.send(data);
  };
  context.createMediaStreamSource(media).connect(node);
  own.stops.push(() => node.disconnect());
  attach(socket, "Listening to the microphone.");
}

function watch(name) {
  session = { stops: [], id: name };
  session.socket = open(`v1/streams/${encodeURIComponent(name)}/watch`, {
    emit: "frames,events", features: true, top_k: largestTop,
  });
  attach(session.socket, `Watching ${name}.`);
}

function attach(socket, text) {
  const own = session;
  let failure = null;
  socket.onopen = () => say(text);
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") {
      const record = JSON.parse(data);
      if (record.type === "error") failure = record.message;
      take(record, own);
    } else {
      showFeatures(data);
    }
  };
  socket.onclose = () => {
    if (session !== own) return;
    stop();
    say(failure ?? "The stream has ended.", failure !== null);
  };
  socket.onerror = () => { failure ??= "The service refused the connection; is there room for another stream?"; };
}

function stop() {
  const own = session;
  session = null;
  own?.stops.forEach((end) => end());
  if (own?.socket?.readyState === WebSocket.OPEN) {
    own.socket.send(JSON.stringify({ type: "end" }));
    own.socket.close();
  }
  element("listen").textContent = "Listen";
}

function forget() {
  records = [];
  chart.clear();
  element("events").replaceChildren();
  element("download").disabled = true;
  element("lost").textContent = "none";
  element("announcement").textContent = "";
  element("latency").textContent = "–";
  latencies = [];
}

// MARK: Records

function take(record, own) {
  switch (record.type) {
    case "start":
      own.id = record.stream;
      own.rate = record.rate;
      describe(models.find((model) => model.model === record.model));
      break;
    case "frame":
      showTop(record.top);
      element("level").textContent = `${record.dbfs.toFixed(1)} dBFS`;
      measure(record.sample, own);
      chart.add(record.t, record.top);
      redraw();
      break;
    case "event":
      records.push(record);
      records.splice(0, records.length - largestRecords);
      chart.events.set(record.id, record);
      showEvent(record);
      break;
    case "gap":
      own.lost = (own.lost ?? 0) + record.lost_samples;
      element("lost").textContent = `${(own.lost / own.rate).toFixed(2)} s`;
      break;
  }
}

function describe(model) {
  if (model) spectrogram.configure(model.rate / model.frame_hop, model.bands);
}

/** Measures the time from a prediction's last sample at the microphone to the arrival of the prediction. */
function measure(sample, own) {
  while (own.blocks?.length > 1 && own.blocks[0].end < sample) own.blocks.shift();
  if (!(own.blocks?.[0]?.end >= sample)) return;
  latencies.push(performance.now() - own.blocks[0].time);
  if (latencies.length < 25) return;
  const median = latencies.sort((one, other) => one - other)[12];
  element("latency").textContent = `${median.toFixed(0)} ms`;
  latencies = [];
}

/** Shows log-mel frames: 8 bytes with the index of the first frame, then the values. */
function showFeatures(data) {
  spectrogram.add(Number(new DataView(data).getBigInt64(0, true)), new Float32Array(data, 8));
}

/** Draws at most ten times a second, so that a slow device has time to listen. */
function redraw() {
  if (isRedrawing) return;
  isRedrawing = true;
  requestAnimationFrame((now) => {
    isRedrawing = false;
    if (now - drawn < 100) return;
    drawn = now;
    spectrogram.draw();
    chart.draw();
  });
}

function showTop(top) {
  const list = element("top");
  const shown = top.slice(0, 5);
  while (list.children.length < shown.length) {
    const item = document.createElement("li");
    item.append(document.createElement("i"), document.createElement("span"), document.createElement("span"));
    list.append(item);
  }
  shown.forEach(({ label, p }, index) => {
    const [bar, name, value] = list.children[index].children;
    bar.style.width = `${p * 100}%`;
    name.textContent = label;
    value.textContent = `${(p * 100).toFixed(0)} %`;
  });
}

function showEvent(record) {
  const table = element("events");
  let row = [...table.rows].find((one) => one.dataset.id === record.id);
  if (!row) {
    row = table.insertRow(0);
    row.dataset.id = record.id;
    for (let cell = 0; cell < 4; cell++) row.insertCell();
    element("announcement").textContent = record.label;
    while (table.rows.length > 500) table.deleteRow(-1);
  }
  const end = record.t1 === null ? "…" : record.t1.toFixed(2);
  const texts = [record.t0.toFixed(2), end, record.label, record.p_max.toFixed(2)];
  texts.forEach((text, index) => { row.cells[index].textContent = text; });
  element("download").disabled = false;
}

function download() {
  const blob = new Blob(records.map((record) => `${JSON.stringify(record)}\n`), { type: "application/jsonl" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "events.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function say(text, isFailure = false) {
  element("status").textContent = text;
  element("status").classList.toggle("failed", isFailure);
}

element("controls").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (session) {
    stop();
    say("Not listening.");
    return;
  }
  element("listen").disabled = true;
  const token = element("token").value;
  if (token) sessionStorage.setItem("token", token);
  try { await listen(); } catch (error) {
    stop();
    say(error.name === "NotAllowedError" ? "The microphone was not allowed." : error.message, true);
  } finally {
    element("listen").disabled = false;
  }
});
element("source").addEventListener("change", choose);
element("download").addEventListener("click", download);
document.addEventListener("visibilitychange", refresh);
window.addEventListener("resize", redraw);
refresh();
setInterval(refresh, 2000);
