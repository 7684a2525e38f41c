// The kernels in plain C, for any processor.
#if defined(__x86_64__)
#define SLUICE_SSE2_ALONE 1
#else
#define SLUICE_SSE2_ALONE 0
#endif
#define SLUICE_HALF_CONVERSION 0
#define SLUICE_FUSED_PRODUCTS 0
#define SLUICE_SPLIT_VECTORS 1
#define SLUICE_BIT_DEPOSIT 0
#define SLUICE_BYTE_TESTS 0
#define SLUICE_TILE_ROWS 1
#define SLUICE_LANE_MOVES 0
#define SLUICE_TILE_DIRECTIONS 2

#include "kernels/table.h"
#include "levels.h"

const sluice_kernel_table sluice_kernels_baseline = KERNEL_TABLE(split, unpack, rice_encode, rice_decode);
