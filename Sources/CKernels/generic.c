// The machine's baseline: SSE2 on x86-64, NEON on 64-bit Arm.
#if defined(__aarch64__)
#define HALF_INSTRUCTIONS 1
#elif defined(__x86_64__)
#define PAIR_BITS 128
#endif
#include "kernels/vector.h"

#define NAME generic
#define ROW_LIMIT 2
#define VECTOR_LIMIT 2
#define BATCH_VECTORS 1
#include "kernels/instance.h"
