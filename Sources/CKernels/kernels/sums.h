// The sliding softmax averages of continual Nystrom attention: aggregates, their combinations, and attention from them.

INLINE ptrdiff_t padded_rows(kernels_sums_shape shape) {
  return (shape.heads * shape.landmarks + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
}

// Aggregates are blended as means, whose terms are not all rounded the same way where they are equal, and each carries what its last
// rounding left over: a long series of small contributions rounds about once. Where both parts are empty their weights are zero.
INLINE vec least_total(vec total) { return maximum(total, splat(1e-30f)); }

// (sum, carry) = a + b + carry, the carry being below the sum's last digit (Knuth's two-sum, then once more).
#define CARRIED_SUM(TYPE, a, b, sum, carry)                          \
  do {                                                               \
    const TYPE rough = (a) + (b), back = rough - (a);                \
    const TYPE left = ((a) - (rough - back)) + ((b) - back) + (carry); \
    (sum) = rough + left;                                            \
    (carry) = left - ((sum) - rough);                                \
  } while (0)

// (target, carry) = a (base, carry) + b source with a + b = 1, from the heavier part towards the lighter one.
#define MEAN(TYPE, LANES, LOAD, STORE)                                            \
  for (; c + LANES <= width; c += LANES) {                                        \
    const TYPE x = LOAD(base + c), low = LOAD(carry + c), y = LOAD(source + c);   \
    const TYPE step = ((y - x) - low) * t;                                        \
    TYPE sum, rest;                                                               \
    if (a >= b) {                                                                 \
      rest = low;                                                                 \
      CARRIED_SUM(TYPE, x, step, sum, rest);                                      \
    } else {                                                                      \
      rest = (TYPE){};                                                            \
      CARRIED_SUM(TYPE, y, -step, sum, rest);                                     \
    }                                                                             \
    STORE(target + c, sum);                                                       \
    STORE(carry + c, rest);                                                       \
  }
INLINE void mean(float *target, float *carry, const float *base, float a, const float *source, float b, ptrdiff_t width) {
  const float t = a >= b ? b : a;
  ptrdiff_t c = 0;
  MEAN(vec, 16, load, store)
  MEAN(vec8, 8, load8, store8)
  MEAN(vec4, 4, load4, store4)
  MEAN(float, 1, LOAD_ONE, STORE_ONE)
}

// Totals of a part that has (total, carry) and one that has `other`, by the factors of their maxima; their shares of the sum.
INLINE void add_totals(float *total, float *carry, vec sum, vec a, vec other, vec b, float *keep, float *weight) {
  vec rest = load(carry) * a, x = sum * a, y = other * b, result;
  CARRIED_SUM(vec, x, y, result, rest);
  const vec scale = 1.0f / least_total(result);
  store(keep, x * scale);
  store(weight, y * scale);
  store(total, result);
  store(carry, rest);
}

static void sums_insert(kernels_sums_shape shape, const float *source, const float *logits, const float *v,
                        float *target, float *carry, float *scratch) {
  const ptrdiff_t padded = padded_rows(shape), rows = shape.heads * shape.landmarks;
  float *keep = scratch, *weight = scratch + padded;
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) {
    vec before = load(source + i);
    vec logit = i + KERNELS_LANES <= rows ? load(logits + i) : load_part(logits + i, rows - i);
    vec after = maximum(before, logit);
    add_totals(target + padded + i, carry + padded + i, load(source + padded + i), exponential(before - after),
               splat(1), exponential(logit - after), keep + i, weight + i);
    store(target + i, after);
  }
  const ptrdiff_t values = 2 * padded;
  for (ptrdiff_t h = 0; h < shape.heads; h++)
    for (ptrdiff_t i = 0; i < shape.landmarks; i++) {
      const ptrdiff_t row = h * shape.landmarks + i, place = values + row * shape.width;
      mean(target + place, carry + place, source + place, keep[row], v + h * shape.width, weight[row], shape.width);
    }
}

static void sums_combine(kernels_sums_shape shape, const float *other, float *target, float *carry, float *scratch) {
  const ptrdiff_t padded = padded_rows(shape), rows = shape.heads * shape.landmarks;
  float *keep = scratch, *weight = scratch + padded;
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) {
    vec x = load(target + i), y = load(other + i);
    vec after = maximum(x, y);
    add_totals(target + padded + i, carry + padded + i, load(target + padded + i), exponential(x - after),
               load(other + padded + i), exponential(y - after), keep + i, weight + i);
    store(target + i, after);
  }
  const ptrdiff_t values = 2 * padded;
  for (ptrdiff_t row = 0; row < rows; row++) {
    const ptrdiff_t place = values + row * shape.width;
    mean(target + place, carry + place, target + place, keep[row], other + place, weight[row], shape.width);
  }
}

// mixed (rows) = softmax(beta) Z of every head
static void landmarks_mix(kernels_sums_shape shape, const float *beta, const float *inverse, float *mixed) {
  const ptrdiff_t m = shape.landmarks;
  for (ptrdiff_t h = 0; h < shape.heads; h++) {
    const float *logits = beta + h * m, *z = inverse + h * m * m;
    float *row = mixed + h * m;
    float top = logits[0];
    for (ptrdiff_t i = 1; i < m; i++) top = logits[i] > top ? logits[i] : top;
    float total = 0;
    for (ptrdiff_t j = 0; j < m; j++) row[j] = 0;
    for (ptrdiff_t i = 0; i < m; i += KERNELS_LANES) {
      const ptrdiff_t left = m - i < KERNELS_LANES ? m - i : KERNELS_LANES;
      float weights[KERNELS_LANES];
      store(weights, exponential(load_part(logits + i, left) - top));
      for (ptrdiff_t j = 0; j < left; j++) {
        total += weights[j];
        add_scaled(row, z + (i + j) * m, weights[j], m);
      }
    }
    scale_row(row, 1.0f / total, m);
  }
}

// output (heads * width) = mixed Delta of every head, Delta (rows, width)
static void landmarks_apply(kernels_sums_shape shape, const float *mixed, const float *delta, float *output) {
  const ptrdiff_t m = shape.landmarks, width = shape.width;
  for (ptrdiff_t h = 0; h < shape.heads; h++) {
    float *o = output + h * width;
    for (ptrdiff_t c = 0; c < width; c++) o[c] = 0;
    for (ptrdiff_t i = 0; i < m; i++) add_scaled(o, delta + (h * m + i) * width, mixed[h * m + i], width);
  }
}

static void sums_attend(kernels_sums_shape shape, const float *a, const float *b, const float *c,
                        const float *beta, const float *inverse, float *scratch, float *output) {
  const ptrdiff_t padded = padded_rows(shape), m = shape.landmarks, width = shape.width;
  float *weight_a = scratch, *weight_b = scratch + padded, *weight_c = scratch + 2 * padded;
  float *mixed = scratch + 3 * padded;
  landmarks_mix(shape, beta, inverse, mixed);
  for (ptrdiff_t i = shape.heads * m; i < padded; i++) mixed[i] = 0;
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) {
    vec x = load(a + i), y = load(b + i), z = load(c + i);
    vec top = maximum(maximum(x, y), z);
    vec ea = load(a + padded + i) * exponential(x - top), eb = load(b + padded + i) * exponential(y - top);
    vec ec = load(c + padded + i) * exponential(z - top);
    vec factor = load(mixed + i) / least_total(ea + eb + ec);
    store(weight_a + i, ea * factor);
    store(weight_b + i, eb * factor);
    store(weight_c + i, ec * factor);
  }
  const float *va = a + 2 * padded, *vb = b + 2 * padded, *vc = c + 2 * padded;
  for (ptrdiff_t h = 0; h < shape.heads; h++) {
    float *o = output + h * width;
    for (ptrdiff_t k = 0; k < width; k++) o[k] = 0;
    for (ptrdiff_t i = 0; i < m; i++) {
      const ptrdiff_t row = h * m + i;
      add_scaled(o, va + row * width, weight_a[row], width);
      add_scaled(o, vb + row * width, weight_b[row], width);
      add_scaled(o, vc + row * width, weight_c[row], width);
    }
  }
}
