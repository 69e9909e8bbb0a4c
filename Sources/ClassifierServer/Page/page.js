// The live page shows one stream at a time: a new one from this device's microphone, or a running one.
// Labels and names come from models and clients, and are inserted as text, never as markup.

import { Catalog } from "./catalog.js";
import { Current } from "./current.js";
import { timeOfDay } from "./clock.js";
import { ending, refusal } from "./endings.js";
import { EventList } from "./events.js";
import { Pictures } from "./pictures.js";
import { Recorder, Sender } from "./recorder.js";
import { Retry } from "./retry.js";
import { ask, keepToken, needsToken, open } from "./service.js";

const element = (id) => document.getElementById(id);
const pictures = new Pictures(element);
const current = new Current(element);
const events = new EventList(element("events"), element("announcement"), element("download"));
const catalog = new Catalog(element("source"), element("model"));
const retry = new Retry((seconds) => {
  element("retry").hidden = seconds === null;
  element("countdown").textContent = `Next try in ${seconds} s.`;
});

/** What the page listens to, from Listen to Stop; null otherwise. */
let session = null;
/** Whether the service asked for another token, so that further requests are useless. */
let isLocked = false;

/** Number of classes in a prediction. */
const largestTop = 12;
/** Time without a prediction in milliseconds after which the pictures count as old. */
const longestSilence = 2500;
/** Time between two updates of the list of streams in milliseconds. */
const refreshPeriod = 2000;
const idleHint = "Press Listen, and make a sound. Its classes appear here.";

// MARK: The service

/** Updates load and list of streams. */
async function refresh() {
  try {
    await catalog.loadStreams(session?.id);
    if (catalog.models.length === 0) await catalog.loadModels();
    if (!session) {
      retry.reset();
      if (element("status").dataset.state !== "note") say("Not listening.", "idle");
    } else if (session.isAbsent && catalog.streams.has(session.name)) {
      retry.now();
    }
    await showLoad();
  } catch (error) {
    if (error.status === 401) unlock();
    if (!session) {
      // The service may come back with other models.
      catalog.models = [];
      say(error.message, "failed");
      if (error.isTemporary) retry.after(refresh);
    } else if (session.isSilent && error.status === 0) {
      // The connection broke without a word, because the service's machine has gone.
      lose(session, error);
    }
  }
}

async function showLoad() {
  element("streams").textContent = catalog.streams.size;
  try {
    element("load").textContent = `${((await ask("readyz")).load * 100).toFixed(1)} %`;
  } catch (error) {
    element("load").textContent = error.status === 503 ? "full" : "–";
  }
}

/** Asks for the token. */
function unlock() {
  isLocked = true;
  element("access").hidden = !needsToken;
}

// MARK: Listening

function listen() {
  // `isAbsent`: the watched stream does not run. `isSilent`: no prediction comes. `link`: number of connections so far.
  session = {
    name: catalog.stream, modelName: catalog.model.value,
    link: 0, lost: 0, wasLive: false, isAbsent: false, isSilent: true, heard: performance.now(),
  };
  forget();
  element("listen").textContent = "Stop";
  catalog.fix(true);
  return connect(session);
}

/** Begins the session's stream, or begins it again. */
async function connect(own) {
  say(own.name === null ? "Starting the microphone." : `Connecting to ${own.name}.`, "busy");
  try {
    await catalog.loadModels();
    if (own.name === null) await record(own);
    if (session === own) attach(own); else own.recorder?.close();
  } catch (error) {
    lose(own, error);
  }
}

/** Opens the microphone at the model's rate, unless it is open already. */
async function record(own) {
  // Without the token there was no list of models to choose from.
  own.modelName ||= catalog.model.value;
  const model = catalog.models.find((one) => one.model === own.modelName);
  if (!model) throw new Error(`The service does not offer the model ${own.modelName}.`);
  own.top = Math.min(model.labels.length, largestTop);
  if (own.recorder?.rate === model.rate) return;
  own.recorder?.close();
  own.recorder = await Recorder.open(model.rate, (block) => own.sender?.send(block), () => {
    if (session === own) stop("The microphone was disconnected.");
  });
}

function attach(own) {
  const shown = { emit: "frames,events", features: true };
  const [path, parameters] = own.name === null
    ? ["v1/stream", { ...shown, model: own.modelName, live: true, top_k: own.top }]
    : [`v1/streams/${encodeURIComponent(own.name)}/watch`, { ...shown, top_k: largestTop }];
  const socket = open(path, parameters);
  own.socket = socket;
  own.link += 1;
  own.sender = own.recorder && new Sender(socket, own.recorder.rate);
  let [hasOpened, failure] = [false, null];
  socket.onopen = () => { hasOpened = true; };
  socket.onmessage = ({ data }) => {
    if (session !== own || own.socket !== socket) return;
    if (typeof data !== "string") {
      pictures.addFeatures(data);
      return;
    }
    const record = JSON.parse(data);
    if (record.type === "error") failure = record;
    else take(record, own);
  };
  socket.onclose = async () => {
    if (session !== own || own.socket !== socket) return;
    lose(own, hasOpened ? ending(own, failure) : await refusal(own, catalog, path, parameters));
  };
}

/** Handles a failure: waits for the service, or gives up. */
function lose(own, error) {
  if (session !== own) return;
  const canWait = error.isTemporary && (own.wasLive || error.status === 0);
  if (error.status === 401) unlock();
  if (!canWait) {
    stop(error.message);
    return;
  }
  own.isSilent = true;
  own.isAbsent = error.status === 404;
  own.sender = null;
  const socket = own.socket;
  own.socket = null;
  socket?.close();
  freeze(own.isAbsent ? "Frozen: the stream has ended" : "Frozen: no connection");
  pictures.timeline.cut(pictures.now);
  events.cut();
  say(`${error.message} The page ${own.isAbsent ? "waits for the stream" : "tries again"} by itself.`, "failed");
  retry.after(() => connect(own));
}

/** Ends the session, with a reason if it failed. */
function stop(reason = null) {
  const own = session;
  session = null;
  retry.reset();
  own?.recorder?.close();
  if (own?.socket?.readyState === WebSocket.OPEN && own.name === null) own.socket.send(JSON.stringify({ type: "end" }));
  own?.socket?.close();
  freeze("Frozen: stopped");
  if (pictures.now === null) current.suggest(idleHint);
  events.cut();
  element("listen").textContent = "Listen";
  catalog.fix(false);
  say(reason ?? "Not listening.", reason === null ? "idle" : "note");
}

/** Marks pictures and classes as those of an earlier time. */
function freeze(reason) {
  pictures.freeze(reason);
  current.freeze(reason === null || pictures.now === null ? null : pictures.clock.words(pictures.now));
}

function forget() {
  retry.reset();
  pictures.clear();
  current.clear();
  events.clear();
  freeze(null);
  element("lost").textContent = "none";
  element("latency").textContent = "–";
  element("level").textContent = "–";
}

// MARK: Records

function take(record, own) {
  switch (record.type) {
    case "start": begin(record, own); break;
    case "frame":
      pictures.addFrame(record);
      hear(own);
      current.show(record.top);
      element("level").textContent = `${record.dbfs.toFixed(1)} dBFS`;
      showDelay(own.sender?.delay(record.sample));
      break;
    case "event": {
      const id = `${own.link} ${record.id}`;
      const time = pictures.clock.at(record.t0);
      pictures.addEvent(id, record);
      events.add(id, record, pictures.clock.words(time), time);
      current.suggest(null);
      break;
    }
    case "gap":
      own.lost += record.lost_samples / own.rate;
      element("lost").textContent = `${own.lost.toFixed(2)} s`;
      break;
  }
}

function begin(record, own) {
  own.id = record.stream;
  own.rate = record.rate;
  const model = catalog.modelOf(record);
  pictures.begin(model);
  current.describe(own.name === null ? "This device’s microphone" : `Stream ${own.name}`, model);
  if (!events.isEmpty) current.suggest(null);
}

/** Notes that a prediction came. */
function hear(own) {
  own.heard = performance.now();
  if (!own.isSilent) return;
  own.isSilent = false;
  own.isAbsent = false;
  own.wasLive = true;
  retry.reset();
  freeze(null);
  say(own.name === null ? "Listening to the microphone." : `Watching ${own.name}.`, "live");
}

/** Shows that no predictions come although the connection is there. */
function watchSilence() {
  if (!session?.socket || session.isSilent || performance.now() - session.heard < longestSilence) return;
  session.isSilent = true;
  const source = session.name === null ? "the microphone" : session.name;
  freeze("Frozen: no audio arrives");
  say(`No audio has come from ${source} since ${timeOfDay(Date.now() / 1000 - longestSilence / 1000)}.`, "failed");
}

function showDelay(milliseconds) {
  if (milliseconds !== undefined) element("latency").textContent = `${milliseconds.toFixed(0)} ms`;
}

/** Shows a sentence about the state: idle, busy, live, failed, or a note that stays until the next action. */
function say(text, state) {
  const status = element("status");
  if (status.textContent !== text) status.textContent = text;
  status.dataset.state = state;
}

element("controls").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (session) {
    stop();
    return;
  }
  isLocked = false;
  keepToken(element("token").value);
  element("listen").disabled = true;
  try { await listen(); } finally { element("listen").disabled = false; }
});
element("retry-now").addEventListener("click", () => retry.now());
document.addEventListener("visibilitychange", update);

/** Updates what the page shows of the service, unless a try waits. */
function update() {
  if (document.hidden || isLocked || (retry.isWaiting && !session?.isAbsent)) return;
  refresh();
}

current.suggest(idleHint);
pictures.redraw();
update();
setInterval(update, refreshPeriod);
setInterval(watchSilence, 500);
