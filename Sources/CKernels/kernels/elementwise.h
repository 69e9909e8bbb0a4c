// Element-wise kernels, and layer norm. Whole vectors come first, then the remaining lanes through the same vector
// code, so that a result does not depend on the position of its value.

#define FOR_EACH_VECTOR(index, count, whole, part)                                      \
  do {                                                                                  \
    ptrdiff_t index = 0;                                                                \
    for (; index + KERNELS_LANES <= (count); index += KERNELS_LANES) whole;             \
    const ptrdiff_t left = (count) - index;                                             \
    if (left > 0) part;                                                                 \
  } while (0)

static void standardize(const float *x, const float *offset, const float *scale, float *y, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(y + i, (load(x + i) - load(offset + i)) * load(scale + i)),
                  store_part(y + i, (load_part(x + i, left) - load_part(offset + i, left)) * load_part(scale + i, left),
                             left));
}

static void multiply(const float *x, const float *factor, float *y, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(y + i, load(x + i) * load(factor + i)),
                  store_part(y + i, load_part(x + i, left) * load_part(factor + i, left), left));
}

static void add(const float *x, float *y, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(y + i, load(y + i) + load(x + i)),
                  store_part(y + i, load_part(y + i, left) + load_part(x + i, left), left));
}

static void lerp(const float *x, float factor, float *y, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(y + i, load(y + i) + (load(x + i) - load(y + i)) * factor),
                  store_part(y + i, load_part(y + i, left) + (load_part(x + i, left) - load_part(y + i, left)) * factor,
                             left));
}

static void relu(float *x, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(x + i, maximum(load(x + i), (vec){})),
                  store_part(x + i, maximum(load_part(x + i, left), (vec){}), left));
}

// erf by Abramowitz and Stegun 7.1.26: absolute error at most 1.5e-7.
INLINE vec gelu_vector(vec x) {
  vec z = x * 0.70710678118654752f;
  vec a = maximum(z, -z);
  vec t = 1.0f / (1.0f + 0.3275911f * a);
  vec p = splat(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  vec error = 1.0f - p * t * exponential(-(a * a));
  return 0.5f * x * (1.0f + select(z < 0.0f, -error, error));
}

static void gelu(float *x, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(x + i, gelu_vector(load(x + i))),
                  store_part(x + i, gelu_vector(load_part(x + i, left)), left));
}

INLINE vec log_vector(vec x, float floor, float offset, float scale) {
  return scale * logarithm(maximum(maximum(x, splat(floor)) + offset, splat(1.17549435e-38f)));
}

static void logarithms(float *x, float floor, float offset, float scale, ptrdiff_t count) {
  FOR_EACH_VECTOR(i, count, store(x + i, log_vector(load(x + i), floor, offset, scale)),
                  store_part(x + i, log_vector(load_part(x + i, left), floor, offset, scale), left));
}

#define EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define EVEN_LANES_BACKWARDS 30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0
#define ODD_LANES_BACKWARDS 31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1

// 16 bins of the spectrum of real samples from that of their pairs. With a = Z[k] and b = conj(Z[M - k]), read
// backwards from the end of `mirrored`, X[k] = (a + b) / 2 - i exp(-2 pi i k / N) (a - b) / 2.
INLINE vec magnitude_vector(const float *half, const float *mirrored, vec cosine, vec sine, int power) {
  const vec low = load(half), high = load(half + KERNELS_LANES);
  const vec first = load(mirrored), last = load(mirrored + KERNELS_LANES);
  const vec ar = __builtin_shufflevector(low, high, EVEN_LANES), ai = __builtin_shufflevector(low, high, ODD_LANES);
  const vec br = __builtin_shufflevector(first, last, EVEN_LANES_BACKWARDS);
  const vec bi = -__builtin_shufflevector(first, last, ODD_LANES_BACKWARDS);
  const vec re = (ar + br) - sine * (ar - br) + cosine * (ai - bi);
  const vec im = (ai + bi) - sine * (ai - bi) - cosine * (ar - br);
  const vec energy = re * re + im * im;
  return power ? 0.25f * energy : 0.5f * __builtin_elementwise_sqrt(energy);
}

// The last bins, fewer than a vector.
static void magnitude_rest(const float *half, const float *mirrored, const float *cosines, const float *sines, float *y,
                           ptrdiff_t left, int power) {
  float a[2 * KERNELS_LANES] = {0}, b[2 * KERNELS_LANES] = {0};
  memcpy(a, half, (size_t)left * 2 * sizeof(float));
  memcpy(b + 2 * (KERNELS_LANES - left), mirrored, (size_t)left * 2 * sizeof(float));
  store_part(y, magnitude_vector(a, b, load_part(cosines, left), load_part(sines, left), power), left);
}

static void magnitude(const float *half, const float *cosines, const float *sines, float *y, ptrdiff_t pairs,
                      int power) {
  const float *mirrored = half + 2 * (pairs + 1);
  FOR_EACH_VECTOR(k, pairs + 1,
                  store(y + k, magnitude_vector(half + 2 * k, mirrored - 2 * (k + KERNELS_LANES), load(cosines + k),
                                                load(sines + k), power)),
                  magnitude_rest(half + 2 * k, mirrored - 2 * (k + left), cosines + k, sines + k, y + k, left, power));
}

static void layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *y,
                       ptrdiff_t count) {
  vec total = {};
  FOR_EACH_VECTOR(i, count, total = total + load(x + i), total = total + load_part(x + i, left));
  const float mean = sum_lanes(total) / (float)count;
  vec squares = {};
  FOR_EACH_VECTOR(
      i, count,
      {
        vec d = load(x + i) - mean;
        squares = squares + d * d;
      },
      {
        float lanes[KERNELS_LANES];
        for (ptrdiff_t j = 0; j < KERNELS_LANES; j++) lanes[j] = j < left ? x[i + j] - mean : 0.0f;
        vec d = load(lanes);
        squares = squares + d * d;
      });
  const float scale = 1.0f / sqrtf(sum_lanes(squares) / (float)count + epsilon);
  FOR_EACH_VECTOR(i, count, store(y + i, (load(x + i) - mean) * scale * load(weight + i) + load(bias + i)),
                  store_part(y + i,
                             (load_part(x + i, left) - mean) * scale * load_part(weight + i, left) +
                                 load_part(bias + i, left),
                             left));
}
