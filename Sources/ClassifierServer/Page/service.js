// Requests to the service, with its token.

function headers() {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Opens a WebSocket. Its token is in a protocol name in hexadecimal digits, because scripts cannot set its headers. */
export function open(path, parameters) {
  const url = new URL(path, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.search = new URLSearchParams(parameters);
  const token = sessionStorage.getItem("token");
  const digits = [...new TextEncoder().encode(token ?? "")].map((byte) => byte.toString(16).padStart(2, "0"));
  const socket = new WebSocket(url, token ? ["audio-classifierd", `bearer.${digits.join("")}`] : ["audio-classifierd"]);
  socket.binaryType = "arraybuffer";
  return socket;
}

/** Gets a JSON answer, and shows the field for the token if the service needs one. */
export async function ask(path) {
  const reply = await fetch(path, { headers: headers() });
  if (reply.status === 401) {
    document.getElementById("access").hidden = false;
    throw new Error("This service needs a token.");
  }
  if (!reply.ok) throw new Error(`The service answers ${reply.status} for ${path}.`);
  return reply.json();
}
