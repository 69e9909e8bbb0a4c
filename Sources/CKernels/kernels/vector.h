// Vectors of 16 floats in the compiler's portable form. Only static inline functions pass them, so no calling
// convention is involved. Contraction of a*b + c to a fused multiply-add is the compiler's default and is the same
// for every use within one instruction set.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

// The warning is about the calling convention of wide vectors, which is not used: see above.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(64)));
typedef int32_t veci __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
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
INLINE vec splat(float x) { return (vec){} + x; }
INLINE vec select(veci mask, vec a, vec b) { return (vec)((mask & (veci)a) | (~mask & (veci)b)); }
INLINE vec maximum(vec a, vec b) { return select(a > b, a, b); }
INLINE vec minimum(vec a, vec b) { return select(a < b, a, b); }

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
