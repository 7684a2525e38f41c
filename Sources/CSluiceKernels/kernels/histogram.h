// Counting magnitudes by their upper bits.
#pragma once

#include "convert.h"

// What is counted: deltas, or else the differences of two runs of elements of one type.
typedef struct {
  const float *delta;
  const char *tuned, *base;
  sluice_dtype dtype;
} counted;

INLINE f32x16 delta_at(counted from, size_t index, size_t lanes) {
  if (from.delta != NULL) return load_floats(from.delta + index, lanes);
  return load_difference(from.tuned, from.dtype, from.base, from.dtype, index, lanes);
}

// 64 magnitudes, where they are counted, and which of them have lower bits.
typedef struct {
  // Aligned, so that every pair of places is read from a single store.
  _Alignas(64) uint32_t places[WORD];
  _Alignas(64) uint32_t magnitudes[WORD];
  uint64_t inexact;
} prepared;

// The ends of what was counted: the largest magnitude, and 2^31 less the smallest that is not zero.
typedef struct {
  s32x16 top, bottom;
} ends;

INLINE void widen_to(ends *both, s32x16 magnitude) {
  both->top = larger(both->top, magnitude);
  both->bottom = larger(both->bottom, -magnitude & MAGNITUDE);
}

INLINE void prepare(prepared *word, counted from, size_t index, unsigned shift, uint32_t counters,
                    ends *both) {
  s32x16 inexact[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 magnitude = bits_of(delta_at(from, index + part * LANES, LANES)) & MAGNITUDE;
    widen_to(both, magnitude);
    inexact[part] = (magnitude & ((1 << shift) - 1)) != 0;
    s32x16 place = (magnitude >> (int)shift) * (int32_t)counters;
    memcpy(word->places + part * LANES, &place, sizeof place);
    memcpy(word->magnitudes + part * LANES, &magnitude, sizeof magnitude);
  }
  word->inexact = whole_word_of(inexact);
}

// Counts 64 magnitudes, lists those with lower bits, and returns how many these are.
//
// Neighbours often fall into the same bin, and a counter that was just written is slow to read
// again. So elements take turns between the counters of a bin, which are side by side.
INLINE size_t count_word(const prepared *word, uint32_t counters, uint32_t *table,
                         uint32_t *side) {
  const uint32_t second = counters - 1;
  for (int place = 0; place < WORD; place += 2) {
    uint64_t pair;
    memcpy(&pair, word->places + place, sizeof pair);
    table[(uint32_t)pair]++;
    table[(pair >> 32) + second]++;
  }
  size_t length = 0;
  for (uint64_t chosen = word->inexact; chosen != 0; chosen &= chosen - 1) {
    side[length++] = word->magnitudes[__builtin_ctzll(chosen)];
  }
  return length;
}

// The next 64 are prepared before these are counted: vectors and counters work side by side, and
// places are not read while they are on their way to memory.
INLINE sluice_counted histogram_by(unsigned shift, uint32_t counters, counted from, size_t count,
                                   uint32_t *table, uint32_t *side) {
  prepared words[2];
  ends both = {0};
  size_t length = 0;
  size_t whole = count / WORD;
  if (whole > 0) prepare(&words[0], from, 0, shift, counters, &both);
  for (size_t word = 0; word < whole; word++) {
    if (word + 1 < whole) {
      prepare(&words[(word + 1) & 1], from, (word + 1) * WORD, shift, counters, &both);
    }
    length += count_word(&words[word & 1], counters, table, side + length);
  }
  for (size_t index = whole * WORD; index < count; index++) {
    s32x16 one = bits_of(delta_at(from, index, 1)) & MAGNITUDE;
    widen_to(&both, one);
    uint32_t magnitude = (uint32_t)one[0];
    table[(magnitude >> shift) * counters]++;
    if (magnitude & ((1u << shift) - 1)) side[length++] = magnitude;
  }
  return (sluice_counted){.length = length,
                          .largest = largest(both.top),
                          .smallest = (1u << 31) - largest(both.bottom)};
}

// Fine bins have one counter: two would leave the second-level cache.
INLINE sluice_counted histogram_of(counted from, size_t count, unsigned shift, uint32_t *table,
                                   uint32_t *side) {
  return shift == 15 ? histogram_by(15, 2, from, count, table, side)
                     : histogram_by(12, 1, from, count, table, side);
}

static sluice_counted histogram(const float *delta, size_t count, unsigned shift,
                                uint32_t *table, uint32_t *side) {
  return histogram_of((counted){.delta = delta}, count, shift, table, side);
}

static sluice_counted difference_histogram(const void *tuned, const void *base, sluice_dtype dtype,
                                           size_t count, unsigned shift, uint32_t *table,
                                           uint32_t *side) {
#define RUNS(constant) \
  histogram_of((counted){.tuned = tuned, .base = base, .dtype = constant}, count, shift, table, side)
  // Differences of wider types have no exact histogram.
  return dtype == SLUICE_BF16 ? RUNS(SLUICE_BF16) : RUNS(SLUICE_F16);
#undef RUNS
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
