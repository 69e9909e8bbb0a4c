// Softmax attention over a ring of keys and values, for one query and for the rows of a retroactive layer.

// target[c] = base[c] * a + source[c] * b, for the short rows of a head (4 to 64 elements): 16, 8, 4 and 1 at a time.
INLINE void blend(float *target, const float *base, float a, const float *source, float b, ptrdiff_t width) {
  ptrdiff_t c = 0;
  for (; c + 16 <= width; c += 16) store(target + c, load(base + c) * a + load(source + c) * b);
  if (c + 8 <= width) {
    store8(target + c, load8(base + c) * a + load8(source + c) * b);
    c += 8;
  }
  if (c + 4 <= width) {
    store4(target + c, load4(base + c) * a + load4(source + c) * b);
    c += 4;
  }
  for (; c < width; c++) target[c] = base[c] * a + source[c] * b;
}

// target[c] += source[c] * b
INLINE void add_scaled(float *target, const float *source, float b, ptrdiff_t width) {
  ptrdiff_t c = 0;
  for (; c + 16 <= width; c += 16) store(target + c, load(target + c) + load(source + c) * b);
  if (c + 8 <= width) {
    store8(target + c, load8(target + c) + load8(source + c) * b);
    c += 8;
  }
  if (c + 4 <= width) {
    store4(target + c, load4(target + c) + load4(source + c) * b);
    c += 4;
  }
  for (; c < width; c++) target[c] = target[c] + source[c] * b;
}

// o = the sum of weights[j] v[j] over `count` rows, in blocks: one long sum of equal terms would round all of them the
// same way.
#define WEIGHTED_SUM(TYPE, LANES, LOAD, STORE)                                    \
  for (; c + LANES <= width; c += LANES) {                                        \
    TYPE sum = {};                                                                \
    for (ptrdiff_t first = 0; first < count; first += SUM_BLOCK) {                \
      const ptrdiff_t end = first + SUM_BLOCK < count ? first + SUM_BLOCK : count; \
      TYPE part = {};                                                             \
      for (ptrdiff_t j = first; j < end; j++) part = part + LOAD(v + j * width + c) * weights[j]; \
      sum = sum + part;                                                           \
    }                                                                             \
    STORE(o + c, sum);                                                            \
  }
#define SUM_BLOCK 64
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(p, x) (*(p) = (x))
INLINE void weighted_sum(float *o, const float *v, const float *weights, ptrdiff_t width, ptrdiff_t count) {
  ptrdiff_t c = 0;
  WEIGHTED_SUM(vec, 16, load, store)
  WEIGHTED_SUM(vec8, 8, load8, store8)
  WEIGHTED_SUM(vec4, 4, load4, store4)
  WEIGHTED_SUM(float, 1, LOAD_ONE, STORE_ONE)
}

// One query of one head against keys (width, capacity) and values (capacity, width). Writes the sum of exp(score - top)
// v over the first `filled` slots to `o`, and returns the sum of exp(score - top), by which the caller divides it.
INLINE float softmax_sums(const float *q, const float *k, const float *v, float *scores, float *o, ptrdiff_t width,
                          ptrdiff_t capacity, ptrdiff_t filled, float *top) {
  const ptrdiff_t padded = (filled + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
  vec largest = splat(-3.0e38f);
  for (ptrdiff_t j = 0; j < padded; j += KERNELS_LANES) {
    const ptrdiff_t left = filled - j;
    vec score = {};
    if (left >= KERNELS_LANES) {
      for (ptrdiff_t c = 0; c < width; c++) score = score + q[c] * load(k + c * capacity + j);
      largest = maximum(largest, score);
      store(scores + j, score);
    } else {
      for (ptrdiff_t c = 0; c < width; c++) score = score + q[c] * load_part(k + c * capacity + j, left);
      store(scores + j, score);
      for (ptrdiff_t i = left; i < KERNELS_LANES; i++) scores[j + i] = -3.0e38f;
      largest = maximum(largest, load(scores + j));
    }
  }
  *top = max_lanes(largest);
  vec total = {};
  for (ptrdiff_t j = 0; j < padded; j += KERNELS_LANES) {
    const ptrdiff_t left = filled - j;
    vec weight = exponential(load(scores + j) - *top);
    store(scores + j, weight);
    if (left < KERNELS_LANES) {
      for (ptrdiff_t i = left; i < KERNELS_LANES; i++) scores[j + i] = 0;
      weight = load(scores + j);
    }
    total = total + weight;
  }
  weighted_sum(o, v, scores, width, filled);
  return sum_lanes(total);
}

INLINE void scale_row(float *target, float factor, ptrdiff_t width) {
  for (ptrdiff_t c = 0; c < width; c++) target[c] = target[c] * factor;
}

static void ring_attend(const float *query, const float *keys, const float *values, float *scores, float *output,
                        ptrdiff_t heads, ptrdiff_t width, ptrdiff_t capacity, ptrdiff_t filled) {
  for (ptrdiff_t h = 0; h < heads; h++) {
    const ptrdiff_t ring = h * width * capacity;
    float top;
    const float total = softmax_sums(query + h * width, keys + ring, values + ring, scores, output + h * width, width,
                                     capacity, filled, &top);
    scale_row(output + h * width, 1.0f / total, width);
  }
}

static void head_scores(const float *matrix, const float *x, float *scores, ptrdiff_t heads, ptrdiff_t width,
                        ptrdiff_t count) {
  for (ptrdiff_t h = 0; h < heads; h++) {
    float *row = scores + h * count;
    for (ptrdiff_t j = 0; j < count; j++) row[j] = 0;
    for (ptrdiff_t c = 0; c < width; c++) add_scaled(row, matrix + (h * width + c) * count, x[h * width + c], count);
  }
}

static void softmax_row(kernels_rows rows, ptrdiff_t head, ptrdiff_t row, const float *query, const float *keys,
                        const float *values, ptrdiff_t filled, float *scores) {
  const ptrdiff_t index = head * rows.capacity + row, ring = head * rows.width * rows.capacity;
  const float total = softmax_sums(query, keys + ring, values + ring, scores, rows.value + index * rows.width,
                                   rows.width, rows.capacity, filled, rows.maximum + index);
  rows.total[index] = total;
  rows.largest[index] = total;
}

static ptrdiff_t softmax_exchange(kernels_rows rows, const float *old_scores, const float *new_scores,
                                  const float *old_v, const float *new_v) {
  const ptrdiff_t capacity = rows.capacity, width = rows.width;
  float keep[KERNELS_LANES], out[KERNELS_LANES], in[KERNELS_LANES];
  ptrdiff_t stale = 0;
  for (ptrdiff_t h = 0; h < rows.heads; h++)
    for (ptrdiff_t first = 0; first < capacity; first += KERNELS_LANES) {
      const ptrdiff_t left = capacity - first < KERNELS_LANES ? capacity - first : KERNELS_LANES;
      const ptrdiff_t start = h * capacity + first;
      vec before = load_part(rows.maximum + start, left);
      vec score = load_part(new_scores + start, left);
      vec after = maximum(before, score);
      vec a = exponential(before - after), b = exponential(score - after);
      vec gone = old_scores ? exponential(load_part(old_scores + start, left) - after) : (vec){};
      vec total = load_part(rows.total + start, left) * a - gone + b;
      vec largest = maximum(load_part(rows.largest + start, left) * a, total);
      store_part(rows.maximum + start, after, left);
      store_part(rows.total + start, total, left);
      store_part(rows.largest + start, largest, left);
      store(keep, a);
      store(out, -gone);
      store(in, b);
      for (ptrdiff_t i = 0; i < left; i++) {
        stale += rows.total[start + i] < KERNELS_RECOMPUTE_BELOW * rows.largest[start + i];
        float *value = rows.value + (start + i) * width;
        blend(value, value, keep[i], new_v + h * width, in[i], width);
        if (old_scores) add_scaled(value, old_v + h * width, out[i], width);
      }
    }
  return stale;
}
