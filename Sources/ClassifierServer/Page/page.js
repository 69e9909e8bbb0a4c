// The live page: one stream at a time, of this device's microphone or one that is running.
// Labels and names come from models and clients: they are only ever text, never markup.

import { Chart, Spectrogram } from "./drawing.js";

const element = (id) => document.getElementById(id);
const spectrogram = new Spectrogram(element("spectrogram"));
const chart = new Chart(element("curves"), element("timeline"), element("legend"));
let models = [];
let session = null;
let records = [];
let isRedrawing = false;
let drawn = 0;

// MARK: The service

function headers() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** A WebSocket cannot carry headers: the token goes into the name of a protocol, in hexadecimal digits. */
function open(path, parameters) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(parameters);
  const token = sessionStorage.getItem("token");
  const digits = [...new TextEncoder().encode(token ?? "")].map((byte) => byte.toString(16).padStart(2, "0"));
  const socket = new WebSocket(url, token ? ["audio-classifierd", `bearer.${digits.join("")}`] : ["audio-classifierd"]);
  socket.binaryType = "arraybuffer";
  return socket;
}

async function ask(path) {
  const reply = await fetch(path, { headers: headers() });
  if (reply.status === 401) {
    element("token").hidden = element("token-label").hidden = false;
    throw new Error("This service needs a token.");
  }
  if (!reply.ok) throw new Error(`The service answers ${reply.status} for ${path}.`);
  return reply.json();
}

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
      const place = names.indexOf(option.value.slice(2));
      if (place >= 0) names.splice(place, 1); else if (!option.selected) option.remove();
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

async function listenToMicrophone() {
  const model = models.find((one) => one.model === element("model").value) ?? models[0];
  if (!navigator.mediaDevices) throw new Error("The browser gives its microphone to https pages and to localhost only.");
  const media = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const context = new AudioContext({ sampleRate: model.rate });
  const own = { stops: [() => media.getTracks().forEach((track) => track.stop()), () => context.close()] };
  session = own;
  await context.audioWorklet.addModule("microphone.js");
  const node = new AudioWorkletNode(context, "microphone", { processorOptions: { rate: model.rate } });
  const socket = open("v1/stream", {
    model: model.model, emit: "frames,events", features: true, top_k: model.labels.length, live: true,
  });
  own.socket = socket;
  let lost = 0;
  node.port.onmessage = ({ data }) => {
    if (socket.readyState !== WebSocket.OPEN) return;
    // Two seconds behind: what is said now is lost, and the service is told.
    if (socket.bufferedAmount > 4 * model.rate) { lost += data.byteLength / 2; return; }
    if (lost > 0) socket.send(JSON.stringify({ type: "gap", lost_samples: lost }));
    lost = 0;
    socket.send(data);
  };
  context.createMediaStreamSource(media).connect(node);
  const pings = setInterval(() => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "ping", id: performance.now() }));
  }, 1000);
  own.stops.push(() => clearInterval(pings), () => node.disconnect());
  attach(socket, "Listening to the microphone.");
}

function watch(name) {
  session = { stops: [], id: name };
  const labels = Math.max(...models.map((model) => model.labels.length), 1);
  session.socket = open(`v1/streams/${encodeURIComponent(name)}/watch`, { emit: "frames,events", features: true, top_k: labels });
  attach(session.socket, `Looking on at ${name}.`);
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
      showFeatures(data, own);
    }
  };
  socket.onclose = () => {
    if (session !== own) return;
    stop();
    say(failure ?? "The stream has ended.", failure !== null);
  };
  socket.onerror = () => { failure ??= "The service did not take the connection; is there room for another stream?"; };
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
}

// MARK: Records

function take(record, own) {
  switch (record.type) {
    case "start":
      own.id = record.stream;
      own.rate = record.rate;
      own.bands = (models.find((model) => model.model === record.model) ?? {}).bands ?? 64;
      break;
    case "frame":
      showTop(record.top);
      element("level").textContent = `${record.dbfs.toFixed(1)} dBFS`;
      chart.add(record.t, record.top);
      redraw();
      break;
    case "event":
      records.push(record);
      chart.events.set(record.id, record);
      showEvent(record);
      break;
    case "gap":
      own.lost = (own.lost ?? 0) + record.lost_samples;
      element("lost").textContent = `${(own.lost / own.rate).toFixed(2)} s`;
      break;
    case "pong":
      element("latency").textContent = `${(performance.now() - record.id).toFixed(0)} ms`;
      break;
  }
}

function showFeatures(data, own) {
  spectrogram.add(new Float32Array(data, 8), own.bands ?? 64);
}

/** Draws ten times a second at most: a slow device is to listen first. */
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
  const texts = [record.t0.toFixed(2), record.t1 === null ? "…" : record.t1.toFixed(2), record.label, record.p_max.toFixed(2)];
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
  const token = element("token").value;
  if (token) sessionStorage.setItem("token", token);
  try { await listen(); } catch (error) {
    stop();
    say(error.name === "NotAllowedError" ? "The microphone was not allowed." : error.message, true);
  }
});
element("download").addEventListener("click", download);
document.addEventListener("visibilitychange", refresh);
refresh();
setInterval(refresh, 2000);
