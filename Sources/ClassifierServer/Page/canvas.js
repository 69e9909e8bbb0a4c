// What the pictures have in common: the newest on the right, as many seconds wide.

/** Seconds that a picture shows. */
export const seconds = 15;

/** Gives a canvas as many pixels as the screen has for it, so that lines and words are sharp at every width. */
export function fit(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
  // Setting a size clears the picture, even where it is the same.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return ratio;
}
