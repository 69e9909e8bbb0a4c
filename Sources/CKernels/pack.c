#include "kernels.h"

static ptrdiff_t rounded(ptrdiff_t outputs) {
  return (outputs + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES;
}

ptrdiff_t kernels_packed_count(ptrdiff_t inputs, ptrdiff_t outputs) { return inputs * rounded(outputs); }

void kernels_pack(const float *matrix, ptrdiff_t inputs, ptrdiff_t outputs, float *packed) {
  const ptrdiff_t all = rounded(outputs);
  for (ptrdiff_t first = 0; first < all; first += KERNELS_PANEL) {
    const ptrdiff_t pitch = all - first < KERNELS_PANEL ? all - first : KERNELS_PANEL;
    float *panel = packed + first * inputs;
    for (ptrdiff_t k = 0; k < inputs; k++)
      for (ptrdiff_t j = 0; j < pitch; j++)
        panel[k * pitch + j] = first + j < outputs ? matrix[(first + j) * inputs + k] : 0.0f;
  }
}

ptrdiff_t kernels_sums_scratch(kernels_sums_shape shape) {
  // Weights of three parts, and mixed; then lines of products; or the weights of one part, and heads that are repeated, with what they are
  // made from.
  const ptrdiff_t most = shape.landmarks > shape.width ? shape.landmarks : shape.width;
  const ptrdiff_t rows = rounded(shape.heads * shape.landmarks);
  const ptrdiff_t repeated = rows + (most + 1) * (shape.heads + KERNELS_LANES) + 2 * shape.heads;
  return 4 * rows + (4 * rows > repeated ? 4 * rows : repeated);
}
