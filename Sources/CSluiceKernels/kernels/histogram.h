// Counting magnitudes by their upper bits.
#pragma once

#include "vectors.h"

// Neighbours often fall into the same bin, and a counter that was just written is slow to read
// again: so elements take turns between two counters per bin, side by side in the table.
enum { COUNTERS = 2 };

// The upper bits of the low 32 bits of a pair of keys, times two, are the places of the counters.
INLINE void count_pair(const uint32_t *places, uint32_t *table) {
  uint64_t pair;
  memcpy(&pair, places, sizeof pair);
  table[(uint32_t)pair]++;
  table[(pair >> 32) + 1]++;
}

// Lists the magnitudes of 16 elements whose bits are set in `chosen`; the list has room for 16.
#if SLUICE_COMPRESS
INLINE size_t list_chosen(s32x16 magnitude, uint64_t chosen, uint32_t *list) {
  s32x16 packed = __builtin_ia32_compresssi512_mask(magnitude, (s32x16)0, (uint16_t)chosen);
  memcpy(list, &packed, sizeof packed);
  return (size_t)__builtin_popcountll(chosen);
}
#endif

// The magnitudes of up to 64 elements whose bits are set in `chosen`, one by one.
INLINE size_t list_each(const float *delta, uint64_t chosen, uint32_t *list) {
  size_t length = 0;
  for (; chosen != 0; chosen &= chosen - 1) {
    list[length++] = magnitude_at(delta, (size_t)__builtin_ctzll(chosen));
  }
  return length;
}

// One word of elements at a time: vectors find the bins, then each element is counted.
INLINE size_t histogram_by(unsigned shift, const float *delta, size_t count, uint32_t *table,
                           uint32_t *side) {
  const int32_t lower = (1 << shift) - 1;
  uint32_t places[WORD];
  size_t length = 0;
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    uint64_t inexact = 0;
    for (int part = 0; part < WORD; part += LANES) {
      s32x16 magnitude = bits_of(load_floats(delta + index + part, LANES)) & MAGNITUDE;
      uint64_t chosen = word_of((magnitude & lower) != 0);
#if SLUICE_COMPRESS
      // The list is never ahead of the elements, so its 16 places are within its room.
      length += list_chosen(magnitude, chosen, side + length);
#else
      inexact |= chosen << part;
#endif
      s32x16 place = (magnitude >> (int)shift) * COUNTERS;
      memcpy(places + part, &place, sizeof place);
    }
    length += list_each(delta + index, inexact, side + length);
    for (int pair = 0; pair < WORD; pair += 2) count_pair(places + pair, table);
  }
  for (; index < count; index++) {
    uint32_t magnitude = magnitude_at(delta, index);
    table[(magnitude >> shift) * COUNTERS]++;
    if (magnitude & (uint32_t)lower) side[length++] = magnitude;
  }
  return length;
}

static size_t histogram(const float *delta, size_t count, unsigned shift, uint32_t *table,
                        uint32_t *side) {
  switch (shift) {
    case 12: return histogram_by(12, delta, count, table, side);
    case 15: return histogram_by(15, delta, count, table, side);
    default: return histogram_by(shift, delta, count, table, side);
  }
}

enum { BIN_SHIFT = 15, BIN_LOWER = (1 << BIN_SHIFT) - 1 };

static void binned_histogram(const float *delta, size_t count, uint64_t *table) {
  for (size_t index = 0; index < count; index++) {
    uint32_t magnitude = magnitude_at(delta, index);
    table[magnitude >> BIN_SHIFT] += (1ull << 40) + (magnitude & BIN_LOWER);
  }
}

// Counts one element whose bin is known to be among the keys.
INLINE void collect_one(uint32_t magnitude, const uint32_t *keys, uint32_t *tables) {
  uint32_t *table = tables;
  for (; *keys != magnitude >> BIN_SHIFT; keys++) table += BIN_LOWER + 1;
  table[magnitude & BIN_LOWER]++;
}

static void collect(const float *delta, size_t count, const uint32_t *keys, size_t key_count,
                    uint32_t *tables) {
  for (size_t index = 0; index < count; index += WORD) {
    uint64_t hits = 0;
    size_t here = count - index < WORD ? count - index : WORD;
    for (size_t part = 0; part < here; part += LANES) {
      size_t lanes = here - part < LANES ? here - part : LANES;
      f32x16 value = lanes == LANES ? load_floats(delta + index + part, LANES)
                                    : load_floats(delta + index + part, lanes);
      s32x16 bin = (bits_of(value) & MAGNITUDE) >> BIN_SHIFT;
      s32x16 equal = 0;
      for (size_t key = 0; key < key_count; key++) equal |= bin == (int32_t)keys[key];
      hits |= word_of(equal) << part;
    }
    // A missing element looks like a zero, which may be in a bin too.
    if (here < WORD) hits &= (1ull << here) - 1;
    for (; hits != 0; hits &= hits - 1) {
      collect_one(magnitude_at(delta + index, (size_t)__builtin_ctzll(hits)), keys, tables);
    }
  }
}
