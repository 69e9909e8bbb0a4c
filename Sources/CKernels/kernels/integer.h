// Matrix times vectors with 8-bit weights; each row of the matrix has a scale of its own. The inputs are rounded to 16
// bits with the scale of their largest element, the products are summed as integers, and the sums are scaled. Integer
// sums are exact, so that they depend neither on the order nor on the instruction set. Inputs are processed in blocks
// whose sums fit into 32 bits: 512 * 127 * 32767 < 2^31.
//
// A panel is packed as in affine.h, but the weights of two inputs lie side by side, for an instruction that multiplies
// and adds pairs.
#define BLOCK 512
#define LARGEST_INPUT 32767.0f

// Rounds `count` elements of x to multiples of a scale, which it returns; zeros follow up to whole vectors.
INLINE float quantize(const float *x, ptrdiff_t count, int16_t *quantized) {
  vec largest = {};
  ptrdiff_t k = 0;
  for (; k + KERNELS_LANES <= count; k += KERNELS_LANES) largest = maximum(largest, maximum(load(x + k), -load(x + k)));
  if (k < count) {
    const vec last = load_part(x + k, count - k);
    largest = maximum(largest, maximum(last, -last));
  }
  const float top = max_lanes(largest);
  // A vector of zeros, or of negligible numbers, has no scale.
  const float scale = top > 1e-30f ? LARGEST_INPUT / top : 0.0f;
  for (k = 0; k < count; k += KERNELS_LANES) {
    // Two statements, which compilers do not fuse: a multiply-add would round differently.
    const vec scaled = read_outputs(x + k, count - k) * scale;
    const vec rounded = scaled + 12582912.0f;  // 1.5 * 2^23: rounds to an integer
    const vec16s low = __builtin_convertvector((veci)rounded - 0x4b400000, vec16s);
    memcpy(quantized + k, &low, sizeof low);
  }
  return top > 1e-30f ? top / LARGEST_INPUT : 0.0f;
}

INLINE vec to_float(veci v) { return __builtin_convertvector(v, vec); }

// ROWS quantized vectors against VECTORS * 16 outputs; x (ROWS, BLOCK), x_scale (ROWS), w_scale (outputs).
INLINE void integer_tile(const int ROWS, const int VECTORS, const int8_t *w, ptrdiff_t pitch, const float *w_scale,
                         const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const int16_t *x, const float *x_scale,
                         float *y, ptrdiff_t y_stride, int accumulate) {
  veci sum[ROW_LIMIT * VECTOR_LIMIT] = {};
  for (ptrdiff_t k = 0; k < inputs; k += 2) {
    vec32s row[VECTOR_LIMIT];
#pragma clang loop unroll(full)
    for (int j = 0; j < VECTORS; j++) row[j] = load_bytes(w + k * pitch + 2 * j * KERNELS_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; r++) {
      const vec32s pair = splat_pair(x + r * BLOCK + k);
#pragma clang loop unroll(full)
      for (int j = 0; j < VECTORS; j++) sum[r * VECTORS + j] += add_pairs(row[j], pair);
    }
  }
  for (int r = 0; r < ROWS; r++)
    for (int j = 0; j < VECTORS; j++) {
      const ptrdiff_t at = j * KERNELS_LANES, left = outputs - at;
      vec start = accumulate ? read_outputs(y + r * y_stride + at, left) : (vec){};
      if (bias) start = start + read_outputs(bias + at, left);
      const vec product = to_float(sum[r * VECTORS + j]) * (read_outputs(w_scale + at, left) * x_scale[r]);
      write_outputs(y + r * y_stride + at, start + product, left);
    }
}

INLINE void integer_rows(const int ROWS, const int VECTORS, const int8_t *packed, const float *scales,
                         const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x, ptrdiff_t x_stride,
                         float *y, ptrdiff_t y_stride, int accumulate) {
  int16_t quantized[ROW_LIMIT * BLOCK];
  float x_scale[ROW_LIMIT];
  const ptrdiff_t paired = (inputs + 1) / 2 * 2;
  for (ptrdiff_t start = 0; start < inputs; start += BLOCK) {
    const ptrdiff_t count = inputs - start < BLOCK ? inputs - start : BLOCK;
    for (int r = 0; r < ROWS; r++) x_scale[r] = quantize(x + r * x_stride + start, count, quantized + r * BLOCK);
    for (ptrdiff_t first = 0; first < outputs; first += KERNELS_PANEL) {
      const ptrdiff_t rest = outputs - first < KERNELS_PANEL ? outputs - first : KERNELS_PANEL;
      const ptrdiff_t pitch = (rest + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
      const int8_t *w = packed + first * paired + start * pitch;
      const float *b = bias && start == 0 ? bias + first : NULL;
      ptrdiff_t column = 0;
#define COLUMNS(COUNT)                                                                                          \
  for (; column + (COUNT) * KERNELS_LANES <= pitch; column += (COUNT) * KERNELS_LANES)                          \
    integer_tile(ROWS, COUNT, w + 2 * column, pitch, scales + first + column, b ? b + column : NULL, count,     \
                 rest - column, quantized, x_scale, y + first + column, y_stride, accumulate || start > 0);
      COLUMNS(VECTORS)
      COLUMNS(1)
#undef COLUMNS
    }
  }
}

static void affine_integer(const int8_t *packed, const float *scales, const float *bias, ptrdiff_t inputs,
                           ptrdiff_t outputs, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                           ptrdiff_t rows, int accumulate) {
  ptrdiff_t r = 0;
  for (; r + ROW_LIMIT <= rows; r += ROW_LIMIT)
    integer_rows(ROW_LIMIT, BATCH_VECTORS, packed, scales, bias, inputs, outputs, x + r * x_stride, x_stride,
                 y + r * y_stride, y_stride, accumulate);
  for (; r < rows; r++)
    integer_rows(1, VECTOR_LIMIT, packed, scales, bias, inputs, outputs, x + r * x_stride, x_stride, y + r * y_stride,
                 y_stride, accumulate);
}
