// Counting magnitudes by their upper bits.
#pragma once

#include "convert.h"
#include "lanes.h"
#include "peaks.h"

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

// Which of 64 numbers of at most 15 bits are not zero, 16 by 16 and as one word.
#if SLUICE_SSE2_ALONE
typedef uint16_t set_lanes;

INLINE set_lanes set_lanes_of(s32x16 lower) { return (set_lanes)~zeros_of(saturated(lower)); }
INLINE uint64_t set_word_of(const set_lanes parts[4]) {
  uint64_t word;
  memcpy(&word, parts, sizeof word);
  return word;
}
#else
typedef s32x16 set_lanes;

INLINE set_lanes set_lanes_of(s32x16 lower) { return lower != 0; }
INLINE uint64_t set_word_of(const set_lanes parts[4]) { return whole_word_of(parts); }
#endif

// Prepares 16 of the 64 magnitudes, and returns which of them have lower bits.
INLINE set_lanes prepare(prepared *word, int part, counted from, size_t index, unsigned shift,
                         uint32_t counters, peak *peak, trough *trough) {
  f32x16 value = delta_at(from, index + (size_t)(part * LANES), LANES);
  add_to_peak(peak, value);
  add_to_trough(trough, value);
  s32x16 magnitude = bits_of(value) & MAGNITUDE;
  s32x16 place = (magnitude >> (int)shift) * (int32_t)counters;
  memcpy(word->places + part * LANES, &place, sizeof place);
  memcpy(word->magnitudes + part * LANES, &magnitude, sizeof magnitude);
  return set_lanes_of(magnitude & ((1 << shift) - 1));
}

// Counts magnitudes.
//
// Neighbours often fall into the same bin, and a counter that was just written is slow to read
// again. So elements take turns between the counters of a bin, which are side by side.
INLINE void count_places(const uint32_t *places, int count, uint32_t counters, uint32_t *table) {
  const uint32_t second = counters - 1;
  for (int place = 0; place < count; place += 2) {
    uint64_t pair;
    memcpy(&pair, places + place, sizeof pair);
    table[(uint32_t)pair]++;
    table[(pair >> 32) + second]++;
  }
}

// Lists the magnitudes with lower bits, and returns how many these are.
INLINE size_t list_inexact(const prepared *word, uint32_t *side) {
  size_t length = 0;
  for (uint64_t chosen = word->inexact; chosen != 0; chosen &= chosen - 1) {
    side[length++] = word->magnitudes[__builtin_ctzll(chosen)];
  }
  return length;
}

// The ends of what has NaNs.
INLINE sluice_counted ends_with_nans(counted from, size_t count) {
  s32x16 top = 0, bottom = 0;
#define STEP(index, lanes)                                             \
  s32x16 magnitude = bits_of(delta_at(from, index, lanes)) & MAGNITUDE; \
  top = larger(top, magnitude);                                        \
  bottom = larger(bottom, -magnitude & MAGNITUDE)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return (sluice_counted){.largest = largest(top), .smallest = NO_MAGNITUDE - largest(bottom)};
}

// The next 64 are prepared before these are counted: vectors and counters work side by side, and
// places are not read while they are on their way to memory. Where preparing takes many instructions, both take turns
// after every 16, so that the processor sees enough of either at a time.
INLINE sluice_counted histogram_by(unsigned shift, uint32_t counters, counted from, size_t count,
                                   uint32_t *table, uint32_t *side) {
  enum { PARTS = WORD / LANES };
  prepared words[2];
  set_lanes inexact[PARTS];
  peak peak = {0};
  trough trough = no_trough();
  size_t length = 0;
  const size_t whole = count / WORD;
#define PREPARE(word)                                                                       \
  inexact[part] =                                                                           \
      prepare(&words[(word) & 1], part, from, (word) * WORD, shift, counters, &peak, &trough)
  for (int part = 0; whole > 0 && part < PARTS; part++) PREPARE(0);
  if (whole > 0) words[0].inexact = set_word_of(inexact);
  for (size_t word = 0; word < whole; word++) {
    const prepared *here = &words[word & 1];
    const bool interleaves = SLUICE_SPLIT_VECTORS && word + 1 < whole;
    if (word + 1 < whole) {
#pragma clang loop unroll(full)
      for (int part = 0; part < PARTS; part++) {
        PREPARE(word + 1);
        if (interleaves) count_places(here->places + part * LANES, LANES, counters, table);
      }
      words[(word + 1) & 1].inexact = set_word_of(inexact);
    }
    if (!interleaves) count_places(here->places, WORD, counters, table);
    length += list_inexact(here, side + length);
  }
#undef PREPARE
  for (size_t index = whole * WORD; index < count; index++) {
    f32x16 one = delta_at(from, index, 1);
    add_to_peak(&peak, one);
    add_to_trough(&trough, one);
    uint32_t magnitude = (uint32_t)bits_of(one)[0] & MAGNITUDE;
    table[(magnitude >> shift) * counters]++;
    if (magnitude & ((1u << shift) - 1)) side[length++] = magnitude;
  }
  sluice_counted out = {.largest = largest_met(peak), .smallest = smallest_met(trough)};
  if (has_met_nan(peak)) out = ends_with_nans(from, count);
  out.length = length;
  return out;
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

// What was found of some bins: those that were met, and for each 16 which they are, and how many there are before these.
enum { DRAINED = 4096 };
typedef struct {
  uint32_t bits[DRAINED + LANES], counts[DRAINED + LANES];
  uint32_t before[DRAINED / LANES], met[DRAINED / LANES];
} drained;

// The next 16 bins; their counters are cleared. One of them may have wrapped around where the sum has not.
INLINE u32x16 drained_counts(uint32_t *table, uint32_t counters) {
  u32x16 sums;
  memcpy(&sums, table, sizeof sums);
  if (counters == 2) {
    u32x16 others;
    memcpy(&others, table + LANES, sizeof others);
    sums = __builtin_shufflevector(sums, others, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                   28, 30) +
           __builtin_shufflevector(sums, others, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                   29, 31);
  }
  memset(table, 0, LANES * counters * sizeof *table);
  return sums;
}

// Takes out the counts of whole groups of 16 bins.
INLINE size_t drain_groups(unsigned shift, uint32_t counters, uint32_t *table, size_t start,
                           size_t groups, drained *out) {
  size_t found = 0;
  for (size_t group = 0; group < groups; group++) {
    const uint32_t bin = (uint32_t)(start + group * LANES);
    const u32x16 sums = drained_counts(table + bin * counters, counters);
    const uint64_t met = word_of((s32x16)(sums != 0));
    out->before[group] = (uint32_t)found;
    out->met[group] = (uint32_t)met;
#if SLUICE_LANE_MOVES
    const u32x16 lanes = {FIRST16};
    store_kept(out->bits + found, (lanes + bin) << shift, met);
    store_kept(out->counts + found, sums, met);
    found += (size_t)__builtin_popcountll(met);
#else
    uint32_t counts[LANES];
    memcpy(counts, &sums, sizeof counts);
    for (uint32_t left = (uint32_t)met; left != 0; left &= left - 1) {
      const uint32_t lane = (uint32_t)__builtin_ctz(left);
      out->bits[found] = (bin + lane) << shift;
      out->counts[found++] = counts[lane];
    }
#endif
  }
  return found;
}

// Copies at least 16 numbers, and as many as that in every step.
INLINE void copy_numbers(const uint32_t *from, size_t count, uint32_t *to) {
  size_t index = 0;
  do {
    memcpy(to + index, from + index, LANES * sizeof *to);
    index += LANES;
  } while (index < count);
}

// The same, with 64 bits for each.
INLINE void widen_numbers(const uint32_t *from, size_t count, uint64_t *to) {
  size_t index = 0;
  do {
    u32x16 numbers;
    memcpy(&numbers, from + index, sizeof numbers);
    const u64x16 wide = __builtin_convertvector(numbers, u64x16);
    memcpy(to + index, &wide, sizeof wide);
    index += LANES;
  } while (index < count);
}

// Most stretches between two that are listed are shorter than what is copied at once, and where they lie follows from
// the bins: nothing waits for what was found before.
INLINE size_t drain_by(unsigned shift, uint32_t counters, uint32_t *table, size_t start, size_t end,
                       sluice_listed listed, uint32_t *bits, uint64_t *counts) {
  drained here;
  size_t all = 0, place = 0;
  for (size_t index = 0; index < listed.count; index++) {
    table[(listed.bits[index] >> shift) * counters] -= listed.counts[index];
  }
  while (start < end) {
    const size_t length = end - start < DRAINED ? end - start : DRAINED;
    const size_t whole = length / LANES;
    size_t found = drain_groups(shift, counters, table, start, whole, &here);
    if (whole * LANES < length) {
      // The bins of the last group that are not meant are left as they are.
      here.before[whole] = (uint32_t)found;
      here.met[whole] = 0;
      for (size_t bin = whole * LANES; bin < length; bin++) {
        uint32_t *own = table + (start + bin) * counters;
        const uint32_t count = counters == 2 ? own[0] + own[1] : own[0];
        memset(own, 0, counters * sizeof *own);
        if (count == 0) continue;
        here.met[whole] |= 1u << (bin - whole * LANES);
        here.bits[found] = (uint32_t)(start + bin) << shift;
        here.counts[found++] = count;
      }
    }
    size_t last = 0;
    for (; place < listed.count && listed.bits[place] >> shift < start + length; place++) {
      const size_t bin = (listed.bits[place] >> shift) - start;
      const uint32_t met = here.met[bin / LANES] & ((2u << bin % LANES) - 1);
      const size_t rank = here.before[bin / LANES] + (size_t)__builtin_popcount(met);
      copy_numbers(here.bits + last, rank - last, bits + all + last);
      widen_numbers(here.counts + last, rank - last, counts + all + last);
      bits[all + rank] = listed.bits[place];
      counts[all + rank] = listed.counts[place];
      all++;
      last = rank;
    }
    copy_numbers(here.bits + last, found - last, bits + all + last);
    widen_numbers(here.counts + last, found - last, counts + all + last);
    all += found;
    start += length;
  }
  return all;
}

static size_t drain_histogram(uint32_t *table, unsigned shift, size_t start, size_t end,
                              sluice_listed listed, uint32_t *bits, uint64_t *counts) {
  return shift == 15 ? drain_by(15, 2, table, start, end, listed, bits, counts)
                     : drain_by(12, 1, table, start, end, listed, bits, counts);
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
