// Runs of neighbouring magnitudes in few bytes: of each how far its upper bits are from those of the run before, and
// how often it was counted, in a byte each; what is longer, and the low bits, are in lists.
#pragma once

#include "lanes.h"
#include "words.h"

enum { STEP_SHIFT = 15, LOW_BITS = (1 << STEP_SHIFT) - 1, LISTED_STEP = 63, LISTED_COUNT = 255 };

// The numbers of a run and of those after it; zeros where there are none.
INLINE u32x16 load_numbers(const uint32_t *from, size_t lanes) {
  u32x16 numbers = 0;
  memcpy(&numbers, from, lanes * sizeof *from);
  return numbers;
}

static size_t put_steps(const uint32_t *bits, size_t count, uint8_t *steps, uint8_t *list) {
  uint32_t last = 0;
  size_t listed = 0;
#define STEP(index, lanes)                                                                       \
  const u32x16 here = load_numbers(bits + index, lanes);                                         \
  const s32x16 upper = (s32x16)(here >> STEP_SHIFT);                                             \
  s32x16 before = __builtin_shufflevector(upper, upper, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \
                                          12, 13, 14);                                           \
  before[0] = (int32_t)last;                                                                     \
  last = (uint32_t)upper[LANES - 1];                                                             \
  const s32x16 all = upper - before;                                                             \
  const s32x16 step = __builtin_elementwise_min(all, (s32x16)LISTED_STEP);                       \
  const s32x16 is_odd = (s32x16)(here & LOW_BITS) > 0;                                           \
  const u8x16 bytes = __builtin_convertvector((u32x16)(step << 2 | (is_odd & 1)), u8x16);        \
  memcpy(steps + index, &bytes, lanes);                                                          \
  for (uint64_t left = word_of(all >= LISTED_STEP); left != 0; left &= left - 1, listed++) {     \
    const uint16_t longer = (uint16_t)all[__builtin_ctzll(left)];                                \
    memcpy(list + listed * sizeof longer, &longer, sizeof longer);                               \
  }
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return listed;
}

static size_t put_lows(const uint32_t *bits, size_t count, uint8_t *lows) {
  size_t found = 0;
#define STEP(index, lanes)                                                       \
  const u32x16 low = load_numbers(bits + index, lanes) & LOW_BITS;               \
  const uint64_t met = word_of((s32x16)low > 0);                                 \
  u32x16 kept = low;                                                             \
  keep_lanes(&kept, met);                                                        \
  const u16x16 numbers = __builtin_convertvector(kept, u16x16);                  \
  memcpy(lows + found * sizeof(uint16_t), &numbers, sizeof numbers);             \
  found += (size_t)__builtin_popcountll(met)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return found;
}

// Puts a number with seven bits in each byte; the place behind it.
INLINE uint8_t *put_number(uint64_t number, uint8_t *place) {
  for (; number > 0x7f; number >>= 7) *place++ = (uint8_t)number | 0x80;
  *place++ = (uint8_t)number;
  return place;
}

static size_t put_counts(const uint64_t *counts, size_t count, uint8_t *bytes, uint8_t *list) {
  uint8_t *place = list;
#define STEP(index, lanes)                                                                     \
  u64x16 here = 0;                                                                             \
  memcpy(&here, counts + index, lanes * sizeof *counts);                                       \
  const u64x16 least = __builtin_elementwise_min(here, (u64x16)LISTED_COUNT);                  \
  const u8x16 short_counts = __builtin_convertvector(least, u8x16);                            \
  memcpy(bytes + index, &short_counts, lanes);                                                 \
  const s32x16 numbers = __builtin_convertvector(short_counts, s32x16);                        \
  for (uint64_t left = word_of(numbers == LISTED_COUNT); left != 0; left &= left - 1) {        \
    place = put_number(counts[index + (size_t)__builtin_ctzll(left)], place);                  \
  }
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return (size_t)(place - list);
}

enum { FRACTION_BITS = 23 };

static uint64_t sum_units(const uint32_t *bits, const uint64_t *counts, size_t count) {
  // What is too small for a binade of its own has the units of the first.
  const uint32_t first = bits[0] >> FRACTION_BITS == 0 ? 1 : bits[0] >> FRACTION_BITS;
  u64x16 sums = 0;
#define STEP(index, lanes)                                                                  \
  const u32x16 here = load_numbers(bits + index, lanes);                                    \
  u64x16 own = 0;                                                                           \
  memcpy(&own, counts + index, lanes * sizeof *counts);                                     \
  const u32x16 binade = here >> FRACTION_BITS;                                              \
  const u32x16 whole = (u32x16)(binade != 0) & 1u << FRACTION_BITS;                         \
  const u32x16 units = (here & ((1u << FRACTION_BITS) - 1)) | whole;                        \
  const u32x16 places = __builtin_elementwise_max(binade, (u32x16)1) - first;               \
  /* Both are below 2^32, which the compiler is to know; missing lanes have no elements. */ \
  const u64x16 sum = __builtin_convertvector(units, u64x16) * (own & 0xffffffff);           \
  sums += sum << (__builtin_convertvector(places, u64x16) & 63)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return __builtin_reduce_add(sums);
}
