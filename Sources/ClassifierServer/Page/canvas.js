// Common to all pictures: the newest value on the right, and the time span.

/** Time span of a picture in seconds. */
export const seconds = 15;

/** Gives a canvas the resolution of the screen, so that lines and words are sharp at every width. */
export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  // Setting a size clears the picture, even if the size stays the same.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}
