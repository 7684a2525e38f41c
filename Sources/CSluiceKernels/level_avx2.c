// The kernels for x86-64-v3: AVX2, BMI2, F16C.
#if defined(__x86_64__)
#define SLUICE_HALF_CONVERSION 1
#define SLUICE_FUSED_PRODUCTS 1
#define SLUICE_SSE2_ALONE 0
#define SLUICE_SPLIT_VECTORS 1
#define SLUICE_BIT_DEPOSIT 1
#define SLUICE_BYTE_TESTS 0
#define SLUICE_TILE_ROWS 2
#define SLUICE_LANE_MOVES 1
#define SLUICE_TILE_DIRECTIONS 2
#define XXH_VECTOR XXH_AVX2

// System headers stay outside: what they define is for every processor.
#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "levels.h"

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "kernels/table.h"
#pragma clang attribute pop

const sluice_kernel_table sluice_kernels_avx2 = KERNEL_TABLE(split, unpack, rice_encode, rice_decode);
#endif
