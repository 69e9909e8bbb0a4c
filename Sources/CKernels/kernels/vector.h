// Vectors of 16 floats in the compiler's portable form. Only static inline functions pass them, so no calling
// convention is involved. Contraction of a*b + c to a fused multiply-add is the compiler's default and is the same
// for every use within one instruction set.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

// The warning concerns the calling convention of wide vectors, which is not used.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(64)));
typedef int32_t veci __attribute__((vector_size(64)));
typedef int16_t vec32s __attribute__((vector_size(64)));
typedef int16_t vec16s __attribute__((vector_size(32)));
typedef int8_t vec32b __attribute__((vector_size(32)));
typedef float vec8 __attribute__((vector_size(32)));
typedef int32_t vec8i __attribute__((vector_size(32)));
typedef float vec4 __attribute__((vector_size(16)));

INLINE vec load(const float *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store(float *p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec8 load8(const float *p) {
  vec8 v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store8(float *p, vec8 v) { memcpy(p, &v, sizeof v); }
INLINE vec4 load4(const float *p) {
  vec4 v;
  memcpy(&v, p, sizeof v);
  return v;
}
INLINE void store4(float *p, vec4 v) { memcpy(p, &v, sizeof v); }
// (Subtracting zero changes no float, so the compiler removes it; adding zero would change -0.)
INLINE vec splat(float x) { return x - (vec){}; }
INLINE vec select(veci mask, vec a, vec b) { return (vec)((mask & (veci)a) | (~mask & (veci)b)); }
INLINE vec maximum(vec a, vec b) { return select(a > b, a, b); }
INLINE vec minimum(vec a, vec b) { return select(a < b, a, b); }

// Floats from half precision, exactly in both ways. The bits of a half, shifted, are the float without the bias of its
// exponent.
#if HALF_INSTRUCTIONS
#define FROM_HALF(TYPE, INTEGERS, BYTES, p)                        \
  ({                                                               \
    _Float16 half __attribute__((vector_size(BYTES)));             \
    memcpy(&half, p, sizeof half);                                 \
    __builtin_convertvector(half, TYPE);                           \
  })
#else
#define FROM_HALF(TYPE, INTEGERS, BYTES, p)                        \
  ({                                                               \
    uint16_t half __attribute__((vector_size(BYTES)));             \
    memcpy(&half, p, sizeof half);                                 \
    const INTEGERS bits = __builtin_convertvector(half, INTEGERS); \
    const TYPE size = (TYPE)((bits & 0x7fff) << 13) * 0x1p112f;    \
    (TYPE)((INTEGERS)size | (bits & 0x8000) << 16);                \
  })
#endif
INLINE vec load_half(const uint16_t *p) { return FROM_HALF(vec, veci, 32, p); }
INLINE vec8 load_half8(const uint16_t *p) { return FROM_HALF(vec8, vec8i, 16, p); }

// 32 bytes as 16-bit numbers.
INLINE vec32s load_bytes(const int8_t *p) {
  vec32b v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, vec32s);
}
// The two numbers at p, 16 times.
INLINE vec32s splat_pair(const int16_t *p) {
  int32_t pair;
  memcpy(&pair, p, sizeof pair);
  return (vec32s)((veci){} + pair);
}
// The sums of the products of each pair of lanes: one instruction for each of the machine's vectors, which compilers do
// not find.
#define LANES_4(i) i, i + 1, i + 2, i + 3
#define LANES_8(i) LANES_4(i), LANES_4(i + 4)
#define LANES_16(i) LANES_8(i), LANES_8(i + 8)
#define PART(v, lanes) __builtin_shufflevector(v, v, lanes)
INLINE veci add_pairs(vec32s a, vec32s b) {
#if PAIR_BITS == 512
  return __builtin_ia32_pmaddwd512(a, b);
#elif PAIR_BITS == 256
  return __builtin_shufflevector(__builtin_ia32_pmaddwd256(PART(a, LANES_16(0)), PART(b, LANES_16(0))),
                                 __builtin_ia32_pmaddwd256(PART(a, LANES_16(16)), PART(b, LANES_16(16))), LANES_16(0));
#elif PAIR_BITS == 128
#define QUARTER(i) __builtin_ia32_pmaddwd128(PART(a, LANES_8(i)), PART(b, LANES_8(i)))
  return __builtin_shufflevector(__builtin_shufflevector(QUARTER(0), QUARTER(8), LANES_8(0)),
                                 __builtin_shufflevector(QUARTER(16), QUARTER(24), LANES_8(0)), LANES_16(0));
#undef QUARTER
#else
#define EVERY_SECOND(v, i) \
  __builtin_convertvector(__builtin_shufflevector(v, v, i, i + 2, i + 4, i + 6, i + 8, i + 10, i + 12, i + 14, i + 16, \
                                                  i + 18, i + 20, i + 22, i + 24, i + 26, i + 28, i + 30),             \
                          veci)
  return EVERY_SECOND(a, 0) * EVERY_SECOND(b, 0) + EVERY_SECOND(a, 1) * EVERY_SECOND(b, 1);
#undef EVERY_SECOND
#endif
}

// The lanes behind `count` are zero.
INLINE vec load_part(const float *p, ptrdiff_t count) {
  float lanes[KERNELS_LANES] = {0};
  memcpy(lanes, p, (size_t)count * sizeof(float));
  return load(lanes);
}
INLINE void store_part(float *p, vec v, ptrdiff_t count) {
  float lanes[KERNELS_LANES];
  store(lanes, v);
  memcpy(p, lanes, (size_t)count * sizeof(float));
}

// A fixed tree, so that the order of summation is part of the definition.
INLINE float sum_lanes(vec v) {
  float lanes[KERNELS_LANES];
  store(lanes, v);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
  return lanes[0];
}
INLINE float max_lanes(vec v) {
  float lanes[KERNELS_LANES];
  store(lanes, v);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
  return lanes[0];
}

// exp for arguments up to 88, at most 2 ulp: x = k ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite), and a polynomial of
// degree 6 in r. Below -80 the result is zero: beside a weight of 1 nothing is lost, and no product becomes a denormal
// number, which the processor handles a hundred times slower.
INLINE vec exponential(vec x) {
  const veci negligible = x < -80.0f;
  x = minimum(maximum(x, splat(-80.0f)), splat(88.0f));
  vec shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to an integer
  vec k = shifted - 12582912.0f;
  vec r = x - k * 0.693359375f;
  r = r - k * -2.12194440e-4f;
  vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  veci bits = (__builtin_convertvector(k, veci) + 127) << 23;
  return select(negligible, (vec){}, p * (vec)bits);
}

// Natural logarithm of positive normal numbers, about 1 ulp (the polynomial of Cephes logf).
INLINE vec logarithm(vec x) {
  veci bits = (veci)x;
  veci exponent = ((bits >> 23) & 0xff) - 126;
  vec m = (vec)((bits & 0x007fffff) | 0x3f000000);  // in [0.5, 1)
  veci low = m < 0.707106781186547524f;
  exponent += low;  // a true lane is -1
  m = m + select(low, m, splat(0)) - 1.0f;
  vec e = __builtin_convertvector(exponent, vec);
  vec z = m * m;
  vec p = splat(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z;
  p = p + e * -2.12194440e-4f;
  p = p - 0.5f * z;
  return m + p + e * 0.693359375f;
}
