// Counting few values.
#pragma once

#include "lanes.h"

#if SLUICE_LANE_MOVES
// Puts each value where as many places are before it as values are smaller: equal ones into one place, behind which as
// many stay empty as there are more of them. Both lists have room for whole vectors.
INLINE void place_few(const uint32_t *values, size_t count, uint32_t *placed, uint32_t *is_met) {
  enum { TOGETHER = 4 };
  for (size_t start = 0; start < count; start += TOGETHER * LANES) {
    s32x16 own[TOGETHER], smaller[TOGETHER];
    const size_t here = count - start < TOGETHER * LANES ? count - start : TOGETHER * LANES;
    memset(own, 0, sizeof own);
    memcpy(own, values + start, here * sizeof *values);
    memset(smaller, 0, sizeof smaller);
    for (size_t other = 0; other < count; other++) {
      const s32x16 value = (int32_t)values[other];
      for (int part = 0; part < TOGETHER; part++) smaller[part] -= value < own[part];
    }
    uint32_t places[TOGETHER * LANES];
    memcpy(places, smaller, sizeof places);
    for (size_t index = 0; index < here; index++) {
      is_met[places[index]] = 1;
      placed[places[index]] = values[start + index];
    }
  }
}

static size_t count_few(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts) {
  uint32_t placed[SLUICE_FEW], is_met[SLUICE_FEW] = {0}, starts[SLUICE_FEW + LANES + 1];
  uint32_t kept[SLUICE_FEW + LANES];
  place_few(values, count, placed, is_met);
  size_t found = 0;
  for (size_t place = 0; place < count; place += LANES) {
    u32x16 values, met;
    memcpy(&values, placed + place, sizeof values);
    memcpy(&met, is_met + place, sizeof met);
    const uint64_t word = word_of((s32x16)met != 0);
    const u32x16 lanes = {FIRST16};
    store_kept(kept + found, values, word);
    store_kept(starts + found, lanes + (uint32_t)place, word);
    found += (size_t)__builtin_popcountll(word);
  }
  starts[found] = (uint32_t)count;
  memcpy(bits, kept, found * sizeof *bits);
  for (size_t index = 0; index < found; index++) counts[index] = starts[index + 1] - starts[index];
  return found;
}
#else
static size_t count_few(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts) {
  uint32_t sorted[SLUICE_FEW], scratch[SLUICE_FEW];
  memcpy(sorted, values, count * sizeof *values);
  sluice_sort_magnitudes(sorted, scratch, count);
  return sluice_count_sorted(sorted, count, bits, counts);
}
#endif
