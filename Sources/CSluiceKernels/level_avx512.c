// The kernels for x86-64-v4: AVX-512 with F, BW, CD, DQ and VL; and those that VBMI2 makes faster.
#if defined(__x86_64__)
#define SLUICE_HALF_CONVERSION 1
#define SLUICE_FUSED_PRODUCTS 1
#define SLUICE_SSE2_ALONE 0
#define SLUICE_SPLIT_VECTORS 0
#define SLUICE_BIT_DEPOSIT 1
#define SLUICE_BYTE_TESTS 1
#define SLUICE_TILE_ROWS 4
#define SLUICE_LANE_MOVES 2
#define SLUICE_TILE_DIRECTIONS 6
#define XXH_VECTOR XXH_AVX512

// System headers stay outside: what they define is for every processor.
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"), min_vector_width(512))), \
                             apply_to = function)
#include "kernels/table.h"
#pragma clang attribute pop

#pragma clang attribute push(                                                              \
    __attribute__((target("arch=x86-64-v4,avx512vbmi2"), min_vector_width(512))), \
    apply_to = function)
#include "kernels/rice_bytes.h"
#include "kernels/split_bytes.h"
#include "kernels/unpack_bytes.h"
#pragma clang attribute pop

const sluice_kernel_table sluice_kernels_avx512 = KERNEL_TABLE(split, unpack, rice_encode, rice_decode);
const sluice_kernel_table sluice_kernels_avx512_vbmi2 =
    KERNEL_TABLE(split_bytes, unpack_bytes, rice_encode_bytes, rice_decode_bytes);
#endif
