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
