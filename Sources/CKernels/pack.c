#include "kernels.h"

static ptrdiff_t rounded(ptrdiff_t outputs) {
  return (outputs + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
}

ptrdiff_t kernels_packed_count(ptrdiff_t inputs, ptrdiff_t outputs) { return inputs * rounded(outputs); }

// Packs panels in which the weights of INPUTS inputs lie side by side.
#define PACK(TYPE, INPUTS)                                                                          \
  const ptrdiff_t all = rounded(outputs), count = (inputs + (INPUTS)-1) / (INPUTS) * (INPUTS);      \
  for (ptrdiff_t first = 0; first < all; first += KERNELS_PANEL) {                                  \
    const ptrdiff_t pitch = all - first < KERNELS_PANEL ? all - first : KERNELS_PANEL;              \
    TYPE *next = packed + first * count;                                                            \
    for (ptrdiff_t k = 0; k < count; k += (INPUTS))                                                 \
      for (ptrdiff_t j = 0; j < pitch; j++)                                                         \
        for (ptrdiff_t i = k; i < k + (INPUTS); i++)                                                \
          *next++ = first + j < outputs && i < inputs ? matrix[(first + j) * inputs + i] : (TYPE)0; \
  }

void kernels_pack(const float *matrix, ptrdiff_t inputs, ptrdiff_t outputs, float *packed) { PACK(float, 1) }

void kernels_pack_half(const uint16_t *matrix, ptrdiff_t inputs, ptrdiff_t outputs, uint16_t *packed) {
  PACK(uint16_t, 1)
}

void kernels_pack_integer(const int8_t *matrix, ptrdiff_t inputs, ptrdiff_t outputs, int8_t *packed) {
  PACK(int8_t, 2)
}

ptrdiff_t kernels_sums_scratch(kernels_sums_shape shape) {
  // Either the weights of three parts, mixed, and lines of products; or the weights of one part, and repeated heads
  // with their sources.
  const ptrdiff_t most = shape.landmarks > shape.width ? shape.landmarks : shape.width;
  const ptrdiff_t rows = rounded(shape.heads * shape.landmarks);
  const ptrdiff_t repeated = rows + (most + 1) * (shape.heads + KERNELS_LANES) + 2 * shape.heads;
  return 4 * rows + (4 * rows > repeated ? 4 * rows : repeated);
}
