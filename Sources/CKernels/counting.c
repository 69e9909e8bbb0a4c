// The generic kernels with a count of their multiply-adds, which are products that are added to a sum. Tests compare it
// with the operation counts that are computed from a configuration.
#include "kernels.h"

extern const kernels_table kernels_generic;

static _Thread_local size_t multiply_adds;

size_t kernels_multiply_adds(void) { return multiply_adds; }

static void affine(const float *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                   ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate) {
  multiply_adds += (size_t)(inputs * outputs * rows);
  kernels_generic.affine(packed, bias, inputs, outputs, x, x_stride, y, y_stride, rows, accumulate);
}

static void depthwise(const float *oldest, const float *middle, const float *newest, const float *weights,
                      const float *bias, float *y, ptrdiff_t channels, ptrdiff_t band_stride, ptrdiff_t bands) {
  multiply_adds += (size_t)(9 * channels * bands);
  kernels_generic.depthwise(oldest, middle, newest, weights, bias, y, channels, band_stride, bands);
}

static void ring_attend(const float *query, const float *keys, const float *values, float *scores, float *output,
                        ptrdiff_t heads, ptrdiff_t width, ptrdiff_t capacity, ptrdiff_t filled) {
  multiply_adds += (size_t)(2 * heads * width * filled);
  kernels_generic.ring_attend(query, keys, values, scores, output, heads, width, capacity, filled);
}

static void head_scores(const float *matrix, const float *x, float *scores, ptrdiff_t heads, ptrdiff_t width,
                        ptrdiff_t count) {
  multiply_adds += (size_t)(heads * width * count);
  kernels_generic.head_scores(matrix, x, scores, heads, width, count);
}

static void softmax_row(kernels_rows rows, ptrdiff_t head, ptrdiff_t row, const float *query, const float *keys,
                        const float *values, ptrdiff_t filled, float *scores) {
  multiply_adds += (size_t)(2 * rows.width * filled);
  kernels_generic.softmax_row(rows, head, row, query, keys, values, filled, scores);
}

static ptrdiff_t softmax_exchange(kernels_rows rows, const float *old_scores, const float *new_scores,
                                  const float *old_v, const float *new_v) {
  multiply_adds += (size_t)((old_scores ? 3 : 2) * rows.heads * rows.capacity * rows.width);
  return kernels_generic.softmax_exchange(rows, old_scores, new_scores, old_v, new_v);
}

static size_t elements(kernels_sums_shape shape) { return (size_t)(shape.heads * shape.landmarks * shape.width); }

static size_t mixing(kernels_sums_shape shape) { return (size_t)(shape.heads * shape.landmarks * shape.landmarks); }

static void sums_insert(kernels_sums_shape shape, const float *source, const float *logits, const float *v,
                        float *target, float *compensation, float *scratch) {
  multiply_adds += 2 * elements(shape);
  kernels_generic.sums_insert(shape, source, logits, v, target, compensation, scratch);
}

static void sums_combine(kernels_sums_shape shape, const float *other, float *target, float *compensation,
                         float *scratch) {
  multiply_adds += 2 * elements(shape);
  kernels_generic.sums_combine(shape, other, target, compensation, scratch);
}

static void sums_attend(kernels_sums_shape shape, const float *a, const float *b, const float *c, const float *beta,
                        const float *inverse, float *scratch, float *output) {
  multiply_adds += mixing(shape) + 3 * elements(shape);
  kernels_generic.sums_attend(shape, a, b, c, beta, inverse, scratch, output);
}

static void landmarks_mix(kernels_sums_shape shape, const float *beta, const float *inverse, float *mixed,
                          float *scratch) {
  multiply_adds += mixing(shape);
  kernels_generic.landmarks_mix(shape, beta, inverse, mixed, scratch);
}

static void landmarks_apply(kernels_sums_shape shape, const float *mixed, const float *delta, float *output,
                            float *scratch) {
  multiply_adds += elements(shape);
  kernels_generic.landmarks_apply(shape, mixed, delta, output, scratch);
}

static kernels_table table;

__attribute__((constructor)) static void fill_table(void) {
  table = kernels_generic;
  table.name = "counting";
  table.affine = affine;
  table.depthwise = depthwise;
  table.ring_attend = ring_attend;
  table.head_scores = head_scores;
  table.softmax_row = softmax_row;
  table.softmax_exchange = softmax_exchange;
  table.sums_insert = sums_insert;
  table.sums_combine = sums_combine;
  table.sums_attend = sums_attend;
  table.landmarks_mix = landmarks_mix;
  table.landmarks_apply = landmarks_apply;
}

const kernels_table *kernels_counting(void) { return &table; }
