// Tries after a failure, with growing waits between them.

/** Waits before the first tries in seconds; the last one repeats. */
export const waits = [1, 2, 4, 8, 15, 30];

/** Runs a function again after a wait that grows from try to try, and shows the seconds that remain. */
export class Retry {
  /** `show` gets the remaining seconds, or null when nothing waits. */
  constructor(show) {
    this.show = show;
    this.failures = 0;
    this.timer = null;
  }

  get isWaiting() {
    return this.timer !== null;
  }

  /** Begins to wait. */
  after(run) {
    this.stop();
    const seconds = waits[Math.min(this.failures++, waits.length - 1)];
    const end = performance.now() + seconds * 1000;
    this.run = run;
    const tick = () => {
      const remaining = Math.ceil((end - performance.now()) / 1000);
      if (remaining <= 0) this.now(); else this.show(remaining);
    };
    this.timer = setInterval(tick, 250);
    tick();
  }

  /** Ends the wait with a try. */
  now() {
    this.stop();
    this.run?.();
  }

  /** Gives up the wait. */
  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.show(null);
  }

  /** Notes a success: the next wait is short again. */
  reset() {
    this.failures = 0;
    this.stop();
  }
}
