// Requests to the service, with its token.

/** A failure in words for a reader. */
export class ServiceError extends Error {
  /** `status` is that of the answer; 0 without an answer. */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether another try may succeed without a change at the reader's side. */
  get isTemporary() {
    return [0, 404, 409, 429, 502, 503, 504].includes(this.status);
  }
}

const silence = "The service does not answer.";

const token = () => sessionStorage.getItem("token");

/** Keeps the token until the browser's tab is closed. */
export function keepToken(text) {
  if (text) sessionStorage.setItem("token", text);
}

/** Whether any request was answered that a token is needed. */
export let needsToken = false;

const headers = () => (token() ? { Authorization: `Bearer ${token()}` } : {});

function url(path, parameters = {}) {
  const address = new URL(path, location.href);
  address.search = new URLSearchParams(parameters);
  return address;
}

/** Opens a WebSocket. Its token is in a protocol name in hexadecimal digits, because scripts cannot set its headers. */
export function open(path, parameters) {
  const address = url(path, parameters);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const digits = [...new TextEncoder().encode(token() ?? "")].map((byte) => byte.toString(16).padStart(2, "0"));
  const protocols = token() ? ["audio-classifierd", `bearer.${digits.join("")}`] : ["audio-classifierd"];
  const socket = new WebSocket(address, protocols);
  socket.binaryType = "arraybuffer";
  return socket;
}

async function request(method, address) {
  let reply;
  try {
    reply = await fetch(address, { method, headers: headers() });
  } catch {
    throw new ServiceError(0, silence);
  }
  if (reply.status === 401) needsToken = true;
  return reply;
}

/** Gets a JSON answer. */
export async function ask(path) {
  const reply = await request("GET", url(path));
  if (!reply.ok) throw await failure(reply);
  return reply.json();
}

/**
 * Finds the reason for a refused WebSocket, which browsers hide.
 * @returns {Promise<ServiceError>}
 */
export async function reasonOfRefusal(path, parameters) {
  try {
    // A POST carries the page's address as a WebSocket does; a GET of the same site does not.
    const posted = await request("POST", url(path));
    if ([401, 403].includes(posted.status)) return await failure(posted);
    const checks = [url(path, parameters), url("readyz")];
    for (const address of checks) {
      const reply = await request("GET", address);
      // 426: a WebSocket would be accepted now.
      if (!reply.ok && reply.status !== 426) return await failure(reply);
    }
  } catch (error) {
    return error;
  }
  return new ServiceError(503, "The service refused the stream and gives browsers no reason; it may be full.");
}

/** Turns a refusal into a sentence, with the service's own reason. */
async function failure(reply) {
  const { code, message } = await reply.json().catch(() => ({}));
  const reason = message ? `: ${message}.` : ".";
  switch (reply.status) {
    case 401:
      return new ServiceError(401, token() ? "The token is wrong." : "This service needs a token.");
    case 403: return new ServiceError(403, `The service refuses this page${reason}`);
    case 429: return new ServiceError(429, `The service takes no further stream from this device${reason}`);
    case 502: case 504: return new ServiceError(reply.status, silence);
    case 503:
      return new ServiceError(503, code === "stopping" ? "The service is stopping." : `The service is full${reason}`);
    default: return new ServiceError(reply.status, `The service answers ${reply.status}${reason}`);
  }
}
