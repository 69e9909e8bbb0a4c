#include "peak.h"

// The additions of one chain wait for each other; so many chains hide that. They start with different values, because
// the compiler would merge equal ones.
#define DEFINE(NAME, BYTES, ATTRIBUTE)                                                             \
  ATTRIBUTE static float NAME(long rounds) {                                                       \
    typedef float vec __attribute__((vector_size(BYTES)));                                         \
    vec sums[PEAK_CHAINS];                                                                         \
    const vec factor = (vec){} + 0.75f, term = (vec){} + 0.25f;                                    \
    for (int chain = 0; chain < PEAK_CHAINS; chain++) sums[chain] = factor + (float)chain;         \
    for (long round = 0; round < rounds; round++)                                                  \
      _Pragma("clang loop unroll(full)") for (int chain = 0; chain < PEAK_CHAINS; chain++)         \
          sums[chain] = sums[chain] * factor + term;                                               \
    for (int chain = 1; chain < PEAK_CHAINS; chain++) sums[0] += sums[chain];                      \
    float sum = 0;                                                                                 \
    for (unsigned lane = 0; lane < BYTES / sizeof(float); lane++) sum += sums[0][lane];            \
    return sum;                                                                                    \
  }

DEFINE(chains_128, 16, )
#if defined(__x86_64__)
DEFINE(chains_256, 32, __attribute__((target("avx2,fma"))))
DEFINE(chains_512, 64, __attribute__((target("avx512f,fma"))))
#endif

float peak_multiply_adds(int bits, long rounds) {
#if defined(__x86_64__)
  if (bits == 512) return chains_512(rounds);
  if (bits == 256) return chains_256(rounds);
#endif
  return chains_128(rounds);
}
