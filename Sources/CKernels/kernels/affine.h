// Matrix times vectors. The packed matrix is a sequence of panels of KERNELS_PANEL outputs (the last one narrower, a
// multiple of KERNELS_LANES); inside a panel the weights of one input lie together, so the inner loop broadcasts x[k]
// and adds whole rows. No sum crosses lanes, so the order of summation of an output does not depend on the number of
// vectors, and a batch equals its members bit for bit.

INLINE vec read_outputs(const float *p, ptrdiff_t count) {
  return count >= KERNELS_LANES ? load(p) : load_part(p, count);
}

INLINE void write_outputs(float *p, vec v, ptrdiff_t count) {
  if (count >= KERNELS_LANES)
    store(p, v);
  else
    store_part(p, v, count);
}

INLINE vec8 read_outputs8(const float *p, ptrdiff_t count) {
  if (count >= 8) return load8(p);
  float lanes[8] = {0};
  for (ptrdiff_t i = 0; i < count; i++) lanes[i] = p[i];
  return load8(lanes);
}

INLINE void write_outputs8(float *p, vec8 v, ptrdiff_t count) {
  if (count >= 8) return store8(p, v);
  float lanes[8];
  store8(lanes, v);
  for (ptrdiff_t i = 0; i < count; i++) p[i] = lanes[i];
}

// Loads 16 weights from `index` on, of single or half precision.
INLINE vec load_weights(const int HALF, const void *packed, ptrdiff_t index) {
  return HALF ? load_half((const uint16_t *)packed + index) : load((const float *)packed + index);
}

// ROWS vectors against VECTORS * 16 outputs of a panel that begins at index `w` and whose rows are PITCH weights apart.
INLINE void tile(const int HALF, const int ROWS, const int VECTORS, const ptrdiff_t PITCH, const void *packed,
                 ptrdiff_t w, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                 ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, int accumulate) {
  vec sum[ROW_LIMIT * VECTOR_LIMIT];
  for (int r = 0; r < ROWS; r++)
    for (int j = 0; j < VECTORS; j++) {
      ptrdiff_t left = outputs - j * KERNELS_LANES;
      vec start = accumulate ? read_outputs(y + r * y_stride + j * KERNELS_LANES, left) : (vec){};
      if (bias) start = start + read_outputs(bias + j * KERNELS_LANES, left);
      sum[r * VECTORS + j] = start;
    }
  for (ptrdiff_t k = 0; k < inputs; k++) {
    vec row[VECTOR_LIMIT];
#pragma clang loop unroll(full)
    for (int j = 0; j < VECTORS; j++) row[j] = load_weights(HALF, packed, w + k * PITCH + j * KERNELS_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; r++) {
      vec value = splat(x[r * x_stride + k]);
#pragma clang loop unroll(full)
      for (int j = 0; j < VECTORS; j++) sum[r * VECTORS + j] = sum[r * VECTORS + j] + value * row[j];
    }
  }
  for (int r = 0; r < ROWS; r++)
    for (int j = 0; j < VECTORS; j++)
      write_outputs(y + r * y_stride + j * KERNELS_LANES, sum[r * VECTORS + j], outputs - j * KERNELS_LANES);
}

// A tile of a single input vector with weights of half precision, in vectors of 8, because processors convert 8 halves
// in a cycle but 16 in more than two.
INLINE void half_tile(const int VECTORS, const ptrdiff_t PITCH, const uint16_t *w, const float *bias, ptrdiff_t inputs,
                      ptrdiff_t outputs, const float *x, float *y, int accumulate) {
  vec8 sum[2 * VECTOR_LIMIT];
  for (int j = 0; j < 2 * VECTORS; j++) {
    const ptrdiff_t left = outputs - 8 * j;
    vec8 start = accumulate ? read_outputs8(y + 8 * j, left) : (vec8){};
    if (bias) start = start + read_outputs8(bias + 8 * j, left);
    sum[j] = start;
  }
  for (ptrdiff_t k = 0; k < inputs; k++) {
    const float value = x[k];
#pragma clang loop unroll(full)
    for (int j = 0; j < 2 * VECTORS; j++) sum[j] = sum[j] + load_half8(w + k * PITCH + 8 * j) * value;
  }
  for (int j = 0; j < 2 * VECTORS; j++) write_outputs8(y + 8 * j, sum[j], outputs - 8 * j);
}

// All rows against COUNT vectors of outputs at a time, from `column` of a panel on.
#define COLUMNS(ROWS, COUNT)                                                                              \
  for (; column + (COUNT) * KERNELS_LANES <= pitch; column += (COUNT) * KERNELS_LANES)                    \
    if (HALF && (ROWS) == 1)                                                                              \
      half_tile(COUNT, pitch, (const uint16_t *)packed + first * inputs + column,                         \
                bias ? bias + first + column : NULL, inputs, valid - column, x + r * x_stride,            \
                y + r * y_stride + first + column, accumulate);                                           \
    else                                                                                                  \
      tile(HALF, ROWS, COUNT, pitch, packed, first * inputs + column,                                     \
           bias ? bias + first + column : NULL, inputs, valid - column, x + r * x_stride, x_stride,       \
           y + r * y_stride + first + column, y_stride, accumulate);

// One panel, from output `first` on; its first `valid` outputs belong to the matrix, the others are padding.
INLINE void panel(const int HALF, const ptrdiff_t pitch, const void *packed, const float *bias, ptrdiff_t inputs,
                  ptrdiff_t first, ptrdiff_t valid, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                  ptrdiff_t rows, int accumulate) {
  ptrdiff_t r = 0;
  for (; r + ROW_LIMIT <= rows; r += ROW_LIMIT) {
    ptrdiff_t column = 0;
    COLUMNS(ROW_LIMIT, BATCH_VECTORS)
    COLUMNS(ROW_LIMIT, 1)
  }
  for (; r < rows; r++) {
    ptrdiff_t column = 0;
    COLUMNS(1, VECTOR_LIMIT)
    COLUMNS(1, 1)
  }
}
#undef COLUMNS

INLINE void panels(const int HALF, const void *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs,
                   const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate) {
  ptrdiff_t first = 0;
  // A constant pitch saves a tenth of the time.
  for (; first + KERNELS_PANEL <= outputs; first += KERNELS_PANEL)
    panel(HALF, KERNELS_PANEL, packed, bias, inputs, first, KERNELS_PANEL, x, x_stride, y, y_stride, rows, accumulate);
  const ptrdiff_t rest = outputs - first, pitch = (rest + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
  if (rest > 0)
    panel(HALF, pitch, packed, bias, inputs, first, rest, x, x_stride, y, y_stride, rows, accumulate);
}

static void affine(const float *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                   ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate) {
  panels(0, packed, bias, inputs, outputs, x, x_stride, y, y_stride, rows, accumulate);
}

static void affine_half(const uint16_t *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                        ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate) {
  panels(1, packed, bias, inputs, outputs, x, x_stride, y, y_stride, rows, accumulate);
}

static void banded(const float *weights, const ptrdiff_t *starts, const ptrdiff_t *counts, ptrdiff_t panels,
                   const float *x, float *y) {
  for (ptrdiff_t p = 0; p < panels; p++) {
    // Four sums, because the additions to a single one would wait for each other.
    vec sum[4] = {};
    const float *input = x + starts[p];
    ptrdiff_t k = 0;
    for (; k + 4 <= counts[p]; k += 4)
#pragma clang loop unroll(full)
      for (int i = 0; i < 4; i++) sum[i] = sum[i] + input[k + i] * load(weights + (k + i) * KERNELS_LANES);
    for (; k < counts[p]; k++) sum[0] = sum[0] + input[k] * load(weights + k * KERNELS_LANES);
    weights += counts[p] * KERNELS_LANES;
    store(y + p * KERNELS_LANES, (sum[0] + sum[1]) + (sum[2] + sum[3]));
  }
}
