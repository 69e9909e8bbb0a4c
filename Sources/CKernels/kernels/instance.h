// All kernels of one instruction set. The including file sets NAME (its table), the target attribute, and the tile
// sizes that fit its registers: ROW_LIMIT input vectors at once; VECTOR_LIMIT * 16 outputs for a single one,
// BATCH_VECTORS * 16 for several.
#include "affine.h"
#include "attention.h"
#include "convolution.h"
#include "elementwise.h"
#include "integer.h"
#include "sums.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

const kernels_table JOIN(kernels_, NAME) = {
    .name = TEXT(NAME),
    .affine = affine,
    .affine_half = affine_half,
    .affine_integer = affine_integer,
    .banded = banded,
    .depthwise = depthwise,
    .layer_norm = layer_norm,
    .standardize = standardize,
    .multiply = multiply,
    .add = add,
    .lerp = lerp,
    .relu = relu,
    .gelu = gelu,
    .log = logarithms,
    .magnitude = magnitude,
    .ring_attend = ring_attend,
    .head_scores = head_scores,
    .softmax_row = softmax_row,
    .softmax_exchange = softmax_exchange,
    .sums_insert = sums_insert,
    .sums_combine = sums_combine,
    .sums_attend = sums_attend,
    .landmarks_mix = landmarks_mix,
    .landmarks_apply = landmarks_apply,
};
