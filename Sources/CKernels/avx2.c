#if defined(__x86_64__)
// The C library's headers must come before the attribute.
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define HALF_INSTRUCTIONS 1
#define PAIR_BITS 256
#include "kernels/vector.h"

#define NAME avx2
#define ROW_LIMIT 4
#define VECTOR_LIMIT 4
#define BATCH_VECTORS 1
#include "kernels/instance.h"
#pragma clang attribute pop
#endif
