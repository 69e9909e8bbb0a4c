// Matrix times vectors. The packed matrix is a sequence of panels of KERNELS_PANEL outputs (the last one narrower, a
// multiple of KERNELS_LANES); inside a panel the weights of one input lie together, so the inner loop broadcasts x[k]
// and adds whole rows. There is no sum across lanes: an output's order of summation does not depend on the number of
// vectors, which makes a batch equal to its members bit for bit.

INLINE vec read_outputs(const float *p, ptrdiff_t count) {
  return count >= KERNELS_LANES ? load(p) : load_part(p, count);
}

INLINE void write_outputs(float *p, vec v, ptrdiff_t count) {
  if (count >= KERNELS_LANES)
    store(p, v);
  else
    store_part(p, v, count);
}

// ROWS vectors against VECTORS * 16 outputs of a panel whose rows are `pitch` floats apart.
INLINE void tile(const int ROWS, const int VECTORS, const float *w, ptrdiff_t pitch, const float *bias,
                 ptrdiff_t inputs, ptrdiff_t outputs, const float *x, ptrdiff_t x_stride, float *y,
                 ptrdiff_t y_stride, int accumulate) {
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
    for (int j = 0; j < VECTORS; j++) row[j] = load(w + k * pitch + j * KERNELS_LANES);
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

#define TILE(R, V)                                                                                        \
  tile(R, V, w, pitch, b, inputs, left, x + r * x_stride, x_stride, y + r * y_stride + done, y_stride, \
       accumulate)

static void affine(const float *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                   ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate) {
  for (ptrdiff_t first = 0; first < outputs; first += KERNELS_PANEL) {
    const ptrdiff_t rest = outputs - first;
    const ptrdiff_t pitch = rest >= KERNELS_PANEL ? KERNELS_PANEL : (rest + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
    const ptrdiff_t valid = rest < pitch ? rest : pitch;
    const float *panel = packed + first * inputs;
    ptrdiff_t r = 0;
    for (; r + ROW_LIMIT <= rows; r += ROW_LIMIT) {
      ptrdiff_t column = 0;
      for (; column + BATCH_VECTORS * KERNELS_LANES <= pitch; column += BATCH_VECTORS * KERNELS_LANES) {
        const float *w = panel + column, *b = bias ? bias + first + column : NULL;
        const ptrdiff_t left = valid - column, done = first + column;
        TILE(ROW_LIMIT, BATCH_VECTORS);
      }
      for (; column < pitch; column += KERNELS_LANES) {
        const float *w = panel + column, *b = bias ? bias + first + column : NULL;
        const ptrdiff_t left = valid - column, done = first + column;
        TILE(ROW_LIMIT, 1);
      }
    }
    for (; r < rows; r++) {
      ptrdiff_t column = 0;
      for (; column + VECTOR_LIMIT * KERNELS_LANES <= pitch; column += VECTOR_LIMIT * KERNELS_LANES) {
        const float *w = panel + column, *b = bias ? bias + first + column : NULL;
        const ptrdiff_t left = valid - column, done = first + column;
        TILE(1, VECTOR_LIMIT);
      }
      for (; column < pitch; column += KERNELS_LANES) {
        const float *w = panel + column, *b = bias ? bias + first + column : NULL;
        const ptrdiff_t left = valid - column, done = first + column;
        TILE(1, 1);
      }
    }
  }
}
#undef TILE

static void banded(const float *weights, const ptrdiff_t *starts, const ptrdiff_t *counts, ptrdiff_t panels,
                   const float *x, float *y) {
  for (ptrdiff_t p = 0; p < panels; p++) {
    vec sum = {};
    const float *input = x + starts[p];
    for (ptrdiff_t k = 0; k < counts[p]; k++) {
      sum = sum + input[k] * load(weights);
      weights += KERNELS_LANES;
    }
    store(y + p * KERNELS_LANES, sum);
  }
}
