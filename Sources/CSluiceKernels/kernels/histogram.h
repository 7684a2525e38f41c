// Counting magnitudes by their upper bits.
#pragma once

#include "vectors.h"

// Lists the magnitudes of those of 64 elements whose bits are set, and returns how many.
INLINE size_t list_chosen(const float *delta, uint64_t chosen, uint32_t *list) {
  size_t length = 0;
  for (; chosen != 0; chosen &= chosen - 1) {
    list[length++] = magnitude_at(delta, (size_t)__builtin_ctzll(chosen));
  }
  return length;
}

// Neighbours often fall into the same bin, and a counter that was just written is slow to read
// again. So elements take turns between the counters of a bin, which are side by side.
INLINE size_t histogram_by(unsigned shift, uint32_t counters, const float *delta, size_t count,
                           uint32_t *table, uint32_t *side) {
  const int32_t lower = (1 << shift) - 1;
  const uint32_t second = counters - 1;
  // Aligned, so that every pair is read from a single store.
  _Alignas(64) uint32_t places[WORD];
  size_t length = 0;
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    s32x16 inexact[WORD / LANES];
    for (int part = 0; part < WORD / LANES; part++) {
      s32x16 magnitude = bits_of(load_floats(delta + index + part * LANES, LANES)) & MAGNITUDE;
      inexact[part] = (magnitude & lower) != 0;
      s32x16 place = (magnitude >> (int)shift) * (int32_t)counters;
      memcpy(places + part * LANES, &place, sizeof place);
    }
    length += list_chosen(delta + index, whole_word_of(inexact), side + length);
    for (int place = 0; place < WORD; place += 2) {
      uint64_t pair;
      memcpy(&pair, places + place, sizeof pair);
      table[(uint32_t)pair]++;
      table[(pair >> 32) + second]++;
    }
  }
  for (; index < count; index++) {
    uint32_t magnitude = magnitude_at(delta, index);
    table[(magnitude >> shift) * counters]++;
    if (magnitude & (uint32_t)lower) side[length++] = magnitude;
  }
  return length;
}

// Fine bins have one counter: two would leave the second-level cache.
static size_t histogram(const float *delta, size_t count, unsigned shift, uint32_t *table,
                        uint32_t *side) {
  return shift == 15 ? histogram_by(15, 2, delta, count, table, side)
                     : histogram_by(12, 1, delta, count, table, side);
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
