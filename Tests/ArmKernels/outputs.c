// Prints the outputs of every kernel of the machine's baseline for the same inputs, one number a line.
// scripts/check-arm compares the output of two machines.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { MOST = 1 << 16 };

static float numbers[4][MOST];
static float out[MOST], compensation[MOST], scratch[MOST];
static const kernels_table *table;

// Uniform in -1 ... 1, from a generator whose numbers every machine has exactly.
static void fill(float *x, unsigned seed) {
  for (int i = 0; i < MOST; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)(int)(seed >> 8) / 0x1p23f - 1;
  }
}

static void show(const char *name, ptrdiff_t a, ptrdiff_t b, const float *x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) printf("%s %td %td %td %.9g\n", name, a, b, i, x[i]);
}

static void affine(ptrdiff_t inputs, ptrdiff_t outputs, ptrdiff_t rows) {
  static float packed[MOST];
  static uint16_t half[MOST], packed_half[MOST];
  static int8_t bytes[MOST], packed_bytes[MOST];
  kernels_pack(numbers[0], inputs, outputs, packed);
  table->affine(packed, numbers[1], inputs, outputs, numbers[2], inputs, out, outputs, rows, 0);
  show("affine", inputs, outputs, out, rows * outputs);
  for (ptrdiff_t i = 0; i < inputs * outputs; i++) {
    half[i] = (uint16_t)(0x3000 + (i * 37) % 0x0c00 + (i % 2 ? 0x8000 : 0));  // 0.125 to 1 and the same below zero
    bytes[i] = (int8_t)((i * 53) % 255 - 127);
  }
  kernels_pack_half(half, inputs, outputs, packed_half);
  table->affine_half(packed_half, numbers[1], inputs, outputs, numbers[2], inputs, out, outputs, rows, 0);
  show("affine_half", inputs, outputs, out, rows * outputs);
  kernels_pack_integer(bytes, inputs, outputs, packed_bytes);
  table->affine_integer(packed_bytes, numbers[3], numbers[1], inputs, outputs, numbers[2], inputs, out, outputs, rows,
                        0);
  show("affine_integer", inputs, outputs, out, rows * outputs);
}

static void elementwise(ptrdiff_t count) {
  table->layer_norm(numbers[0], numbers[1], numbers[2], 1e-5f, out, count);
  show("layer_norm", count, 0, out, count);
  table->standardize(numbers[0], numbers[1], numbers[2], out, count);
  show("standardize", count, 0, out, count);
  table->multiply(numbers[0], numbers[1], out, count);
  table->add(numbers[2], out, count);
  table->lerp(numbers[3], 0.25f, out, count);
  show("multiply, add, approach", count, 0, out, count);
  table->gelu(out, count);
  show("gelu", count, 0, out, count);
  table->relu(out, count);
  table->log(out, 0, 1e-3f, 1, count);
  show("relu, log", count, 0, out, count);
  table->magnitude(numbers[0], numbers[1], numbers[2], out, count, count % 2);
  show("magnitude", count, 0, out, count + 1);
  table->depthwise(numbers[0], numbers[1], numbers[2], numbers[3], numbers[1], out, count, 1, 2);
  show("depthwise", count, 0, out, 2 * count);
}

static void attention(ptrdiff_t heads, ptrdiff_t width, ptrdiff_t capacity) {
  table->ring_attend(numbers[0], numbers[1], numbers[2], scratch, out, heads, width, capacity, capacity - 1);
  show("ring_attend", heads, width, out, heads * width);
  table->head_scores(numbers[0], numbers[1], out, heads, width, capacity);
  show("head_scores", heads, width, out, heads * capacity);
}

static void sums(ptrdiff_t heads, ptrdiff_t landmarks, ptrdiff_t width) {
  const kernels_sums_shape shape = {heads, landmarks, width};
  const ptrdiff_t rows = heads * landmarks;
  const ptrdiff_t padded = (rows + KERNELS_LANES - 1) / KERNELS_LANES * KERNELS_LANES, count = (2 + width) * padded;
  static float parts[3][MOST], empty[MOST], mixed[MOST];
  for (ptrdiff_t i = 0; i < padded; i++) empty[i] = -80;
  for (int part = 0; part < 3; part++) {
    memset(compensation, 0, sizeof compensation);
    memcpy(parts[part], empty, sizeof empty);
    for (ptrdiff_t token = 0; token < 5; token++)
      table->sums_insert(shape, parts[part], numbers[part] + token * rows, numbers[3] + token * heads * width,
                         parts[part], compensation, scratch);
    show("sums_insert", rows, width, parts[part], count);
  }
  table->sums_attend(shape, parts[0], parts[1], parts[2], numbers[1], numbers[2], scratch, out);
  show("sums_attend", rows, width, out, heads * width);
  table->sums_combine(shape, parts[1], parts[0], compensation, scratch);
  show("sums_combine", rows, width, parts[0], count);
  table->landmarks_mix(shape, numbers[1], numbers[2], mixed, scratch);
  table->landmarks_apply(shape, mixed, parts[0] + 2 * padded, out, scratch);
  show("landmarks", rows, width, out, heads * width);
}

int main(void) {
  table = kernels_select("generic");
  if (!table) return EXIT_FAILURE;
  for (int i = 0; i < 4; i++) fill(numbers[i], 7u + (unsigned)i);
  const ptrdiff_t sizes[][3] = {{1, 1, 1}, {3, 17, 2}, {40, 33, 5}, {64, 64, 1}, {65, 130, 3}};
  for (int i = 0; i < 5; i++) affine(sizes[i][0], sizes[i][1], sizes[i][2]);
  for (ptrdiff_t count = 1; count < 70; count += 9) elementwise(count);
  attention(3, 5, 19);
  attention(4, 32, 64);
  sums(1, 1, 1);
  sums(3, 5, 7);
  sums(16, 8, 12);
  return EXIT_SUCCESS;
}
