// The dense kernels, one table per instruction set. All pointers may have any alignment unless a comment says
// otherwise; no kernel allocates, and none keeps a pointer. Sizes are in floats.
#ifndef KERNELS_H
#define KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Width of a vector in the kernels' source; the compiler splits it where the machine's is narrower.
#define KERNELS_LANES 16
// A running sum is recomputed below this fraction of its largest value, so that subtraction loses at most two bits.
#define KERNELS_RECOMPUTE_BELOW 0.25f
// Outputs of one full panel of a packed matrix.
#define KERNELS_PANEL 64

// An aggregate of a sliding softmax average (numerics: a maximum, a sum and a weighted mean of values per row):
//   maximum  rows_padded          largest logit seen
//   total    rows_padded          sum of exp(logit - maximum)
//   value    width * rows_padded  mean of v with the weights exp(logit - maximum), element by element
// rows = landmarks * heads, landmark by landmark; rows_padded = rows rounded up to KERNELS_LANES; width = elements of a
// head. The heads lie side by side in these kernels: logits (landmarks, heads), v and outputs (width, heads).
typedef struct {
  ptrdiff_t heads;
  ptrdiff_t landmarks;
  ptrdiff_t width;
} kernels_sums_shape;

// Softmax averages of the same tokens for many queries, one sum for each head and query (row), updated in place:
//   maximum  heads * capacity          an upper bound of the scores
//   total    heads * capacity          sum of exp(score - maximum)
//   largest  heads * capacity          the largest total since the row was last summed from its tokens
//   value    heads * capacity * width  sum of exp(score - maximum) * v
typedef struct {
  ptrdiff_t heads;
  ptrdiff_t capacity;
  ptrdiff_t width;
  float *maximum;
  float *total;
  float *largest;
  float *value;
} kernels_rows;

typedef struct {
  const char *name;

  // y[r] = (accumulate ? y[r] : 0) + bias + W x[r] for `rows` vectors; `packed` as kernels_pack lays it out.
  // `bias` may be NULL. Each output sums over k in order, whatever `rows` is.
  void (*affine)(const float *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                 ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate);
  // As affine, with weights of half precision (kernels_pack_half).
  void (*affine_half)(const uint16_t *packed, const float *bias, ptrdiff_t inputs, ptrdiff_t outputs, const float *x,
                      ptrdiff_t x_stride, float *y, ptrdiff_t y_stride, ptrdiff_t rows, int accumulate);
  // As affine, with 8-bit weights, which scales[i] multiplies for output i (kernels_pack_integer); x is rounded to 16
  // bits.
  void (*affine_integer)(const int8_t *packed, const float *scales, const float *bias, ptrdiff_t inputs,
                         ptrdiff_t outputs, const float *x, ptrdiff_t x_stride, float *y, ptrdiff_t y_stride,
                         ptrdiff_t rows, int accumulate);
  // Panels of 16 outputs, each of which reads a range of inputs: y[16 p + j] = sum_k w[.][j] x[start_p + k].
  void (*banded)(const float *weights, const ptrdiff_t *starts, const ptrdiff_t *counts, ptrdiff_t panels,
                 const float *x, float *y);
  // y[f] = max(0, bias + sum over time, band < 3 of weights[3 time + band] * column_time[band_stride * f + band]) for
  // `bands` output bands, channel by channel; columns and y (bands, channels), weights (9, channels).
  void (*depthwise)(const float *oldest, const float *middle, const float *newest, const float *weights,
                    const float *bias, float *y, ptrdiff_t channels, ptrdiff_t band_stride, ptrdiff_t bands);
  // y = (x - mean(x)) / sqrt(var(x) + epsilon) * weight + bias
  void (*layer_norm)(const float *x, const float *weight, const float *bias, float epsilon, float *y,
                     ptrdiff_t count);
  // y = (x - offset) * scale
  void (*standardize)(const float *x, const float *offset, const float *scale, float *y, ptrdiff_t count);
  void (*multiply)(const float *x, const float *factor, float *y, ptrdiff_t count);
  void (*add)(const float *x, float *y, ptrdiff_t count);
  // y = y + (x - y) * factor
  void (*lerp)(const float *x, float factor, float *y, ptrdiff_t count);
  void (*relu)(float *x, ptrdiff_t count);
  // x/2 (1 + erf(x / sqrt 2))
  void (*gelu)(float *x, ptrdiff_t count);
  // x = scale * ln(max(x, floor) + offset)
  void (*log)(float *x, float floor, float offset, float scale, ptrdiff_t count);
  // y[k] = |X[k]| or, with `power`, |X[k]|^2 for k = 0 ... pairs; X is the spectrum of N = 2 * pairs real samples.
  // `half` is the spectrum of the samples taken in pairs as complex numbers, (re, im) each, and then its first number
  // again; cosines and sines are those of 2 pi k / N.
  void (*magnitude)(const float *half, const float *cosines, const float *sines, float *y, ptrdiff_t pairs, int power);

  // One query against a ring of keys and values, per head: keys (heads, width, capacity), values
  // (heads, capacity, width), scores: scratch of capacity rounded up to KERNELS_LANES. Slots 0 ..< filled are read.
  void (*ring_attend)(const float *query, const float *keys, const float *values, float *scores, float *output,
                      ptrdiff_t heads, ptrdiff_t width, ptrdiff_t capacity, ptrdiff_t filled);

  // scores (heads, count) = x (heads * width) times matrix (heads, width, count).
  void (*head_scores)(const float *matrix, const float *x, float *scores, ptrdiff_t heads, ptrdiff_t width,
                      ptrdiff_t count);
  // Computes one row of `rows` from its tokens: query (width), keys and values as in ring_attend.
  void (*softmax_row)(kernels_rows rows, ptrdiff_t head, ptrdiff_t row, const float *query, const float *keys,
                      const float *values, ptrdiff_t filled, float *scores);
  // Adds a token to every row and, unless old_scores is NULL, subtracts one. Scores (heads, capacity) are the products
  // of the token's key with the rows' queries; v (heads * width). Returns the number of rows whose total is below
  // KERNELS_RECOMPUTE_BELOW times their largest one, which must be recomputed.
  ptrdiff_t (*softmax_exchange)(kernels_rows rows, const float *old_scores, const float *new_scores,
                                const float *old_v, const float *new_v);

  // `scratch` has kernels_sums_scratch floats here and below.
  //
  // target = source combined with one token: logits (rows),
  // v (width, heads). target may be source. `compensation`, laid out as an aggregate, holds the rounding errors of
  // source on entry, and those of target on return.
  void (*sums_insert)(kernels_sums_shape shape, const float *source, const float *logits, const float *v,
                      float *target, float *compensation, float *scratch);
  // target = target combined with other, whose compensation is zero.
  void (*sums_combine)(kernels_sums_shape shape, const float *other, float *target, float *compensation,
                       float *scratch);
  // output (width, heads) = softmax(beta) inverse Delta, where Delta is the combination of three aggregates; beta
  // (rows), inverse (landmarks, rows).
  void (*sums_attend)(kernels_sums_shape shape, const float *a, const float *b, const float *c,
                      const float *beta, const float *inverse, float *scratch, float *output);
  // The two parts of that: mixed (rows) = softmax(beta) inverse; output (width, heads) = mixed delta, where delta holds
  // the values of an aggregate.
  void (*landmarks_mix)(kernels_sums_shape shape, const float *beta, const float *inverse, float *mixed,
                        float *scratch);
  void (*landmarks_apply)(kernels_sums_shape shape, const float *mixed, const float *delta, float *output,
                          float *scratch);
} kernels_table;

// The best table that this machine can run, or the named one ("generic", "avx2", "avx512"); NULL where the name
// is unknown or the machine lacks the instructions.
const kernels_table *kernels_select(const char *name);

// Returns the floats of scratch that the kernels of aggregates need.
ptrdiff_t kernels_sums_scratch(kernels_sums_shape shape);

// Returns the generic kernels, counting multiply-adds.
const kernels_table *kernels_counting(void);
// Returns the multiply-adds of the counting kernels on this thread so far.
size_t kernels_multiply_adds(void);

// Returns the number of weights in a packed matrix.
ptrdiff_t kernels_packed_count(ptrdiff_t inputs, ptrdiff_t outputs);
// Packs a row-major matrix (outputs, inputs) into panels: the inner loop reads the weights of one input for a whole
// panel.
void kernels_pack(const float *matrix, ptrdiff_t inputs, ptrdiff_t outputs, float *packed);
// Packs bit patterns of half precision likewise.
void kernels_pack_half(const uint16_t *matrix, ptrdiff_t inputs, ptrdiff_t outputs, uint16_t *packed);
// Packs 8-bit numbers in panels of pairs of inputs; the number of inputs is rounded up to an even one.
void kernels_pack_integer(const int8_t *matrix, ptrdiff_t inputs, ptrdiff_t outputs, int8_t *packed);

#endif
