// The sliding softmax averages of continual Nystrom attention: aggregates, their combinations, and attention from them.
//
// A row is a landmark under one head's query. Rows lie landmark by landmark, with the heads of a landmark side by side;
// values lie element by element, with the heads of an element side by side. A vector therefore holds one element of 16
// rows, the weight of a row is in the same lane as the elements that it multiplies, and a sum over landmarks is a sum
// of vectors. Nothing is broadcast, and with 16 heads no lanes are added across.

// Elements whose sums are computed together.
#define ELEMENT_LIMIT 4

INLINE ptrdiff_t padded_rows(kernels_sums_shape shape) {
  return (shape.heads * shape.landmarks + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
}

// Returns the head in the first lane of the next 16 rows; `step` is 16 modulo the number of heads.
INLINE ptrdiff_t next_head(kernels_sums_shape shape, ptrdiff_t head, ptrdiff_t step) {
  return head + step - (head + step >= shape.heads ? shape.heads : 0);
}

// Repeats the heads of each of `count` vectors (count, heads), so that 16 floats can be read from any head on. `pitch`
// is the distance of two results. Returns x itself if the number of heads is a multiple of 16.
INLINE const float *repeated_heads(kernels_sums_shape shape, const float *x, ptrdiff_t count, float *scratch,
                                   ptrdiff_t *pitch) {
  const ptrdiff_t heads = shape.heads;
  *pitch = heads % KERNELS_LANES == 0 ? heads : KERNELS_LANES % heads == 0 ? KERNELS_LANES : heads + KERNELS_LANES;
  if (*pitch == heads) return x;
  for (ptrdiff_t i = 0; i < count; i++) {
    const float *from = x + i * heads;
    float *to = scratch + i * *pitch;
    // Common numbers of heads need no loop over floats.
    if (heads == 8) {
      const vec8 v = load8(from);
      store(to, __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7));
    } else if (heads == 4) {
      const vec4 v = load4(from);
      store(to, __builtin_shufflevector(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
    } else {
      for (ptrdiff_t h = 0; h < heads; h++) to[h] = from[h];
      for (ptrdiff_t h = heads; h < *pitch; h++) to[h] = to[h - heads];
    }
  }
  return scratch;
}

// Aggregates are blended as means, so that equal terms are not all rounded the same way, and each keeps a compensation
// for its last rounding error, so that a long series of small contributions rounds about once. If both parts are empty,
// their weights are zero.
INLINE vec least_total(vec total) { return maximum(total, splat(1e-30f)); }

// Combines 16 rows of two parts, (top, total, compensation) and (other_top, other): the new maximum, the sum of the
// totals, and the share of the lighter part in it, which is negative if that is the first part. The compensation is the
// rounding error of the sum (Knuth's two-sum, applied twice). One of the factors exp(maximum - new maximum) is always
// 1.
INLINE void add_totals(vec top, vec total, vec other_top, vec other, float *new_top, float *new_total,
                       float *compensation, float *share) {
  const vec less = exponential(minimum(top, other_top) - maximum(top, other_top));
  const veci leads = top >= other_top;
  const vec factor = select(leads, splat(1), less), x = total * factor, y = other * select(leads, less, splat(1));
  const vec rough = x + y, back = rough - x;
  const vec left = ((x - (rough - back)) + (y - back)) + load(compensation) * factor;
  const vec sum = rough + left, scale = 1.0f / least_total(sum);
  store(compensation, left - (sum - rough));
  store(new_total, sum);
  store(new_top, maximum(top, other_top));
  const vec keep = x * scale, weight = y * scale;
  store(share, select(keep >= weight, weight, -keep));
}

// One element of 16 rows: target = the mean of (source, compensation) and y, computed as a step from the heavier part
// towards the lighter one by its share. The step includes the compensation, and the rounding error of its addition
// becomes the new one (Kahan). If the step is larger than the mean, which happens near zero, the compensation is off by
// a rounding of the step.
INLINE void blend_means(const float *source, float *target, float *compensation, vec y, const float *share) {
  const vec x = load(source), low = load(compensation), t = load(share);
  const veci keeps = (veci)t >= 0;  // by the sign bit, because a share may be -0
  const vec base = select(keeps, x, y);
  const vec step = ((y - x) - low) * t + (vec)(keeps & (veci)low);
  const vec mean = base + step;
  store(target, mean);
  store(compensation, (base - mean) + step);
}

static void sums_insert(kernels_sums_shape shape, const float *source, const float *logits, const float *v,
                        float *target, float *compensation, float *scratch) {
  const ptrdiff_t padded = padded_rows(shape), rows = shape.heads * shape.landmarks;
  float *share = scratch;
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) {
    const vec logit = read_outputs(logits + i, rows - i);
    add_totals(load(source + i), load(source + padded + i), logit, splat(1), target + i, target + padded + i,
               compensation + padded + i, share + i);
  }
  const ptrdiff_t step = KERNELS_LANES % shape.heads;
  ptrdiff_t pitch, at = 2 * padded;
  const float *y = repeated_heads(shape, v, shape.width, scratch + padded, &pitch);
  for (ptrdiff_t c = 0; c < shape.width; c++) {
    ptrdiff_t head = 0;
    for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES, at += KERNELS_LANES) {
      blend_means(source + at, target + at, compensation + at, load(y + c * pitch + head), share + i);
      head = next_head(shape, head, step);
    }
  }
}

static void sums_combine(kernels_sums_shape shape, const float *other, float *target, float *compensation,
                         float *scratch) {
  const ptrdiff_t padded = padded_rows(shape);
  float *share = scratch;
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES)
    add_totals(load(target + i), load(target + padded + i), load(other + i), load(other + padded + i), target + i,
               target + padded + i, compensation + padded + i, share + i);
  ptrdiff_t at = 2 * padded;
  for (ptrdiff_t c = 0; c < shape.width; c++)
    for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES, at += KERNELS_LANES)
      blend_means(target + at, target + at, compensation + at, load(other + at), share + i);
}

// result (heads) = the sum or the maximum of x (rows) over the landmarks
INLINE void over_landmarks(const int SUM, kernels_sums_shape shape, const float *x, float *result) {
  const ptrdiff_t heads = shape.heads, rows = heads * shape.landmarks;
  ptrdiff_t h = 0;
  for (; h + KERNELS_LANES <= heads; h += KERNELS_LANES) {
    vec v = load(x + h);
    for (ptrdiff_t i = heads + h; i < rows; i += heads) v = SUM ? v + load(x + i) : maximum(v, load(x + i));
    store(result + h, v);
  }
  for (; h < heads; h++) {
    float v = x[h];
    for (ptrdiff_t i = heads + h; i < rows; i += heads) v = SUM ? v + x[i] : v > x[i] ? v : x[i];
    result[h] = v;
  }
}

// mixed (rows) = softmax(beta) Z of every head
static void landmarks_mix(kernels_sums_shape shape, const float *beta, const float *inverse, float *mixed,
                          float *scratch) {
  const ptrdiff_t m = shape.landmarks, heads = shape.heads, rows = heads * m, step = KERNELS_LANES % heads;
  float *weights = scratch, *of_heads = weights + padded_rows(shape), *repeated = of_heads + heads;
  ptrdiff_t pitch, head = 0;
  over_landmarks(0, shape, beta, of_heads);
  const float *top = repeated_heads(shape, of_heads, 1, repeated, &pitch);
  for (ptrdiff_t i = 0; i < rows; i += KERNELS_LANES) {
    store(weights + i, exponential(read_outputs(beta + i, rows - i) - load(top + head)));
    head = next_head(shape, head, step);
  }
  over_landmarks(1, shape, weights, of_heads);
  const float *total = repeated_heads(shape, of_heads, 1, repeated, &pitch);
  const float *p = repeated_heads(shape, weights, m, repeated + heads + pitch, &pitch);
  head = 0;
  for (ptrdiff_t i = 0; i < rows; i += KERNELS_LANES) {
    vec sum = {};
    for (ptrdiff_t j = 0; j < m; j++)
      sum = sum + load(p + j * pitch + head) * read_outputs(inverse + j * rows + i, rows - i);
    write_outputs(mixed + i, sum / load(total + head), rows - i);
    head = next_head(shape, head, step);
  }
}

// Sums a vector of rows that holds whole landmarks over them; the results are in its first lanes, one a head.
INLINE vec fold_landmarks(vec v, ptrdiff_t heads) {
  if (heads <= 8) v = v + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  if (heads <= 4) v = v + __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  if (heads <= 2) v = v + __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  if (heads <= 1) v = v + __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return v;
}

// ELEMENTS of the output (width, heads), from `element` on: the sums over landmarks of PARTS weighted means; weights
// (padded rows).
INLINE void sum_elements(const int ELEMENTS, const int PARTS, kernels_sums_shape shape, const float *const *weights,
                         const float *const *means, ptrdiff_t element, float *line, float *output) {
  const ptrdiff_t padded = padded_rows(shape), heads = shape.heads, rows = heads * shape.landmarks;
  const ptrdiff_t step = heads >= KERNELS_LANES ? heads : KERNELS_LANES;
  // Vectors add up if a vector holds whole landmarks or a landmark whole vectors; else a line of products is summed
  // head by head.
  const int fits = heads % KERNELS_LANES == 0 || KERNELS_LANES % heads == 0;
  for (ptrdiff_t first = 0; first < (fits ? heads : padded); first += KERNELS_LANES) {
    vec total[ELEMENT_LIMIT] = {};
    for (ptrdiff_t i = first; i < (fits ? padded : first + 1); i += step)
#pragma clang loop unroll(full)
      for (int part = 0; part < PARTS; part++) {
        const vec weight = load(weights[part] + i);
#pragma clang loop unroll(full)
        for (int e = 0; e < ELEMENTS; e++)
          total[e] = total[e] + weight * load(means[part] + (element + e) * padded + i);
      }
#pragma clang loop unroll(full)
    for (int e = 0; e < ELEMENTS; e++)
      if (fits)
        write_outputs(output + (element + e) * heads + first, fold_landmarks(total[e], heads), heads - first);
      else
        store(line + e * padded + first, total[e]);
  }
  for (int e = 0; e < (fits ? 0 : ELEMENTS); e++) {
    float *o = output + (element + e) * heads;
    for (ptrdiff_t h = 0; h < heads; h++) o[h] = line[e * padded + h];
    for (ptrdiff_t row = heads; row < rows; row += heads)
      for (ptrdiff_t h = 0; h < heads; h++) o[h] += line[e * padded + row + h];
  }
}

// output (width, heads) = the sums over landmarks of PARTS weighted means; weights (padded rows), means (width, padded
// rows).
INLINE void sum_landmarks(const int PARTS, kernels_sums_shape shape, const float *const *weights,
                          const float *const *means, float *line, float *output) {
  ptrdiff_t c = 0;
  for (; c + ELEMENT_LIMIT <= shape.width; c += ELEMENT_LIMIT)
    sum_elements(ELEMENT_LIMIT, PARTS, shape, weights, means, c, line, output);
  for (; c < shape.width; c++) sum_elements(1, PARTS, shape, weights, means, c, line, output);
}

// output (width, heads) = mixed Delta of every head, Delta (width, padded rows)
static void landmarks_apply(kernels_sums_shape shape, const float *mixed, const float *delta, float *output,
                            float *scratch) {
  const ptrdiff_t padded = padded_rows(shape), rows = shape.heads * shape.landmarks;
  // The weights of the padding are zero.
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) store(scratch + i, read_outputs(mixed + i, rows - i));
  const float *const weights = scratch, *const means = delta;
  sum_landmarks(1, shape, &weights, &means, scratch + padded, output);
}

static void sums_attend(kernels_sums_shape shape, const float *a, const float *b, const float *c,
                        const float *beta, const float *inverse, float *scratch, float *output) {
  const ptrdiff_t padded = padded_rows(shape), rows = shape.heads * shape.landmarks;
  const float *const aggregates[3] = {a, b, c};
  float *weight = scratch, *mixed = scratch + 3 * padded, *rest = mixed + padded;
  landmarks_mix(shape, beta, inverse, mixed, rest);
  for (ptrdiff_t i = 0; i < padded; i += KERNELS_LANES) {
    const vec top = maximum(maximum(load(a + i), load(b + i)), load(c + i));
    vec e[3], total = {};
    for (int part = 0; part < 3; part++) {
      e[part] = load(aggregates[part] + padded + i) * exponential(load(aggregates[part] + i) - top);
      total = total + e[part];
    }
    const vec factor = read_outputs(mixed + i, rows - i) / least_total(total);
    for (int part = 0; part < 3; part++) store(weight + part * padded + i, e[part] * factor);
  }
  const float *const weights[3] = {weight, weight + padded, weight + 2 * padded};
  const float *const means[3] = {a + 2 * padded, b + 2 * padded, c + 2 * padded};
  sum_landmarks(3, shape, weights, means, rest, output);
}
