#if defined(__x86_64__)
// The C library's headers must come before the attribute.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,fma,f16c"))), apply_to = function)
#define HALF_INSTRUCTIONS 1
#define PAIR_BITS 512
#include "kernels/vector.h"

#define NAME avx512
#define ROW_LIMIT 4
#define VECTOR_LIMIT 4
#define BATCH_VECTORS 4
#include "kernels/instance.h"
#pragma clang attribute pop
#endif
