// Depthwise convolution: every channel has a 3 x 3 filter of its own. Channels are independent and fill vectors.

INLINE void depthwise_channels(const int WHOLE, ptrdiff_t left, const float *const columns[3], const float *weights,
                               const float *bias, float *y, ptrdiff_t channels, ptrdiff_t band_stride,
                               ptrdiff_t bands) {
  const ptrdiff_t count = WHOLE ? KERNELS_LANES : left;
  vec tap[9];
#pragma clang loop unroll(full)
  for (int i = 0; i < 9; i++) tap[i] = read_outputs(weights + i * channels, count);
  const vec start = read_outputs(bias, count);
  for (ptrdiff_t f = 0; f < bands; f++) {
    vec sum = start;
#pragma clang loop unroll(full)
    for (int i = 0; i < 9; i++)
      sum = sum + tap[i] * read_outputs(columns[i / 3] + (band_stride * f + i % 3) * channels, count);
    write_outputs(y + f * channels, maximum(sum, (vec){}), count);
  }
}

static void depthwise(const float *oldest, const float *middle, const float *newest, const float *weights,
                      const float *bias, float *y, ptrdiff_t channels, ptrdiff_t band_stride, ptrdiff_t bands) {
  for (ptrdiff_t c = 0; c < channels; c += KERNELS_LANES) {
    const float *const columns[3] = {oldest + c, middle + c, newest + c};
    const ptrdiff_t left = channels - c;
    if (left >= KERNELS_LANES)
      depthwise_channels(1, left, columns, weights + c, bias + c, y + c, channels, band_stride, bands);
    else
      depthwise_channels(0, left, columns, weights + c, bias + c, y + c, channels, band_stride, bands);
  }
}
