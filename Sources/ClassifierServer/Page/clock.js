// Time of day for the positions of a stream, which has no other clock than its samples.

/** The least pause in the arrival of audio that becomes a hole in the pictures, in seconds. */
const longestDelay = 1.5;
/** Time for which a sender may catch up after a pause, before its audio counts as new, in seconds. */
const patience = 1;
/** Seconds by which a stream may be ahead of the clock before it counts as faster than real time. */
const longestLead = 3;

/** Converts positions of a stream to the browser's time. */
export class StreamClock {
  constructor() {
    this.shift = null;
    this.late = null;
    this.lead = 0;
    /** False for a stream that is faster than real time: its positions say more than the time of day. */
    this.isLive = true;
  }

  /** Notes that audio up to a position arrived at a time, both in seconds. */
  hear(position, now) {
    this.shift ??= now - position;
    if (!this.isLive) return;
    const delay = now - this.at(position);
    if (delay > longestDelay) {
      this.late ??= now;
      if (now - this.late < patience) return;
      this.shift += delay;
    } else if (delay < 0) {
      // The audio came with less delay than before, so that the earlier estimate was late.
      this.shift += delay;
      this.lead -= delay;
      this.isLive = this.lead < longestLead;
    }
    this.late = null;
  }

  /** Returns the time of a position, in seconds since 1970. */
  at(position) {
    return position + (this.shift ?? 0);
  }

  /** Returns a time in words: the time of day, or the position in a stream that is faster than real time. */
  words(time) {
    return this.isLive ? timeOfDay(time) : duration(time - (this.shift ?? 0));
  }
}

const format = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** Returns a time in seconds since 1970 as hours, minutes and seconds. */
export const timeOfDay = (time) => format.format(new Date(time * 1000));

/** Returns seconds as minutes and seconds. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
