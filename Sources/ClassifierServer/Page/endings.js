// Why a session's stream ended, as failures in words.

import { reasonOfRefusal, ServiceError } from "./service.js";

/** Codes of errors after which a microphone's stream begins again. */
const temporaryCodes = new Set(["stopping", "slow_reader", "idle", "lost"]);

/** Returns the reason for the end of a stream that ran, with the error record that it sent, if any. */
export function ending(session, failure) {
  const sentence = failure && `${failure.message[0].toUpperCase()}${failure.message.slice(1)}.`;
  if (session.name !== null) return new ServiceError(404, sentence ?? `The stream ${session.name} has ended.`);
  if (failure) return new ServiceError(temporaryCodes.has(failure.code) ? 503 : 400, sentence);
  return new ServiceError(0, "The connection to the service broke.");
}

/** Returns the reason for a refused connection. */
export async function refusal(session, catalog, path, parameters) {
  try {
    await catalog.loadStreams(session.id);
  } catch (error) {
    return error;
  }
  if (session.name !== null && !catalog.streams.has(session.name)) {
    return new ServiceError(404, `The stream ${session.name} is not running.`);
  }
  return reasonOfRefusal(path, parameters);
}
