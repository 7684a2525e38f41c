// How two runs of numbers are alike.
#pragma once

#include "vectors.h"

// Products of Float32 are exact in Double. Each lane adds up its own, then the lanes are added from the
// first to the last: the same bits at every level.
static void compare(const float *a, const float *b, size_t count, sluice_comparison *out) {
  f64x16 sums = 0;
  uint64_t both = 0, same = 0;
#define STEP(index, lanes)                                                                    \
  f32x16 x = load_floats(a + index, lanes), y = load_floats(b + index, lanes);                \
  sums += __builtin_convertvector(x, f64x16) * __builtin_convertvector(y, f64x16);            \
  s32x16 are_set = (x != 0.0f) & (y != 0.0f);                                                 \
  both += (uint64_t)__builtin_popcountll(word_of(are_set));                                   \
  same += (uint64_t)__builtin_popcountll(word_of(are_set & ((bits_of(x) ^ bits_of(y)) >= 0)))
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  double sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
  *out = (sluice_comparison){sum, both, same};
}
