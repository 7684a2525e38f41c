// The tables of all levels that this build has.
#pragma once

#include "include/sluice_kernels.h"

extern const sluice_kernel_table sluice_kernels_baseline;

#if defined(__x86_64__)
extern const sluice_kernel_table sluice_kernels_avx2;
extern const sluice_kernel_table sluice_kernels_avx512;
extern const sluice_kernel_table sluice_kernels_avx512_vbmi2;
#endif
