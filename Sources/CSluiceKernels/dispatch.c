// Which kernels this processor can run.
#include "levels.h"

#if defined(__x86_64__)
// The features are asked for one by one: older runtime libraries know them, but not the names of
// the x86-64 levels. An answer also says that the operating system saves the registers.
static int has_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
         __builtin_cpu_supports("movbe") && __builtin_cpu_supports("popcnt");
}

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

static int has_avx512_vbmi2(void) {
  return has_avx512() && __builtin_cpu_supports("avx512vbmi2");
}

const sluice_kernel_table *sluice_kernels(sluice_vector_level level) {
  switch (level) {
    case SLUICE_BASELINE: return &sluice_kernels_baseline;
    case SLUICE_AVX2: return has_avx2() ? &sluice_kernels_avx2 : NULL;
    case SLUICE_AVX512: return has_avx512() ? &sluice_kernels_avx512 : NULL;
    case SLUICE_AVX512_VBMI2: return has_avx512_vbmi2() ? &sluice_kernels_avx512_vbmi2 : NULL;
  }
  return NULL;
}
#else
const sluice_kernel_table *sluice_kernels(sluice_vector_level level) {
  return level == SLUICE_BASELINE ? &sluice_kernels_baseline : NULL;
}
#endif
