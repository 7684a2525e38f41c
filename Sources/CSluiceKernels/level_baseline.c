// The kernels in plain C, for any processor.
#define SLUICE_HALF_CONVERSION 0
#define SLUICE_BIT_DEPOSIT 0
#define SLUICE_TILE_ROWS 1
#define SLUICE_LANE_MOVES 0
#define SLUICE_TILE_DIRECTIONS 2

#include "kernels/table.h"
#include "levels.h"

const sluice_kernel_table sluice_kernels_baseline = KERNEL_TABLE(split, unpack);
