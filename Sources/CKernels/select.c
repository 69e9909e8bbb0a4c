#include <string.h>

#include "kernels.h"

extern const kernels_table kernels_generic;
#if defined(__x86_64__)
extern const kernels_table kernels_avx2;
extern const kernels_table kernels_avx512;
#endif

const kernels_table *kernels_select(const char *name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
  const int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (avx512 && (!name || !strcmp(name, "avx512"))) return &kernels_avx512;
  if (avx2 && (!name || !strcmp(name, "avx2"))) return &kernels_avx2;
#endif
  return !name || !strcmp(name, "generic") ? &kernels_generic : NULL;
}
