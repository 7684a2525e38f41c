// Where the largest magnitudes of a run end, and what reaches there.
#pragma once

#include "vectors.h"

// So few magnitudes are looked at one by one; after so many guesses that did not halve their number many may be equal.
enum { FEW = 16, STALLS = 4 };

// How many magnitudes reach some bits.
INLINE size_t count_reaching(const float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
  size_t total = 0, index = 0;
#if SLUICE_BIT_DEPOSIT
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    total += (size_t)__builtin_popcountll(word_of(value >= limit));
  }
#else
  s32x16 found = 0;
  for (; index + LANES <= count; index += LANES) {
    // A comparison is -1 where it holds.
    found -= (bits_of(load_floats(values + index, LANES)) & MAGNITUDE) >= limit;
  }
  total = (size_t)__builtin_reduce_add(found);
#endif
  for (; index < count; index++) total += magnitude_at(values, index) >= bits;
  return total;
}

// The least magnitude that reaches some bits, which one does.
INLINE uint32_t least_reaching(const float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
  s32x16 all = MAGNITUDE;
  size_t index = 0;
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    s32x16 reaches = value >= limit;
    all = __builtin_elementwise_min(all, (reaches & value) | (~reaches & MAGNITUDE));
  }
  uint32_t least = (uint32_t)__builtin_reduce_min(all);
  for (; index < count; index++) {
    uint32_t value = magnitude_at(values, index);
    if (value >= bits && value < least) least = value;
  }
  return least;
}

// Adds a magnitude to some that are in order, largest first.
INLINE size_t insert_magnitude(uint32_t *found, size_t found_count, uint32_t value) {
  size_t place = found_count;
  for (; place > 0 && found[place - 1] < value; place--) found[place] = found[place - 1];
  found[place] = value;
  return found_count + 1;
}

// The magnitudes from some bits to below others, of which there are at most FEW: largest first.
INLINE void list_between(const float *values, size_t count, uint32_t low, uint32_t high,
                         uint32_t *found) {
  const s32x16 least = (int32_t)low, most = (int32_t)(high - 1);
  size_t found_count = 0, index = 0;
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    for (uint64_t word = word_of((value >= least) & (value <= most)); word != 0; word &= word - 1) {
      size_t lane = (size_t)__builtin_ctzll(word);
      found_count = insert_magnitude(found, found_count, magnitude_at(values, index + lane));
    }
  }
  for (; index < count; index++) {
    uint32_t value = magnitude_at(values, index);
    if (value >= low && value < high) found_count = insert_magnitude(found, found_count, value);
  }
}

// Narrows the range of bits in which the magnitude number `kept`, largest first, must lie, by where it would lie if the
// range were filled evenly, or in the middle where that did not help, until few are left in it. Only whole numbers are
// counted, so that neither the order of elements nor the first guess says anything about the result.
static sluice_row_cut cut_row(const float *values, size_t count, size_t kept, uint32_t guess) {
  s32x16 all = 0;
#define STEP(index, lanes) \
  all = larger(all, bits_of(load_floats(values + index, lanes)) & MAGNITUDE)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  // At least `kept` reach the lower end; `above`, which are fewer, reach the upper one.
  uint32_t low = 0, high = largest(all) + 1;
  size_t reaching = count, above = 0, stalls = 0;
  while (high - low > 1) {
    const size_t inside = reaching - above;
    if (inside <= FEW) {
      uint32_t found[FEW];
      list_between(values, count, low, high, found);
      size_t first = kept - above - 1, last = first;
      while (first > 0 && found[first - 1] == found[last]) first--;
      while (last + 1 < inside && found[last + 1] == found[first]) last++;
      return (sluice_row_cut){
          .threshold = found[first], .above = above + first, .tied = last - first + 1};
    }
    if (guess <= low || guess >= high) guess = low + (high - low) / 2;
    const uint32_t range = high - low;
    size_t found = count_reaching(values, count, guess);
    if (found >= kept) {
      low = guess;
      reaching = found;
    } else {
      high = guess;
      above = found;
    }
    const bool halves = reaching - above <= inside / 2;
    stalls = halves ? 0 : stalls + 1;
    if (stalls == STALLS) {
      low = least_reaching(values, count, low);
      guess = low + 1;
      stalls = 0;
    } else if (halves || high - low <= range / 2) {
      guess = low + 1 +
              (uint32_t)((uint64_t)(high - low) * (reaching - kept) / (reaching - above));
    } else {
      guess = low;
    }
  }
  return (sluice_row_cut){.threshold = low, .above = above, .tied = reaching - above};
}

// +0 wherever a magnitude does not reach some bits.
static void keep_reaching(float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
#define STEP(index, lanes)                                                            \
  do {                                                                                \
    s32x16 value = bits_of(load_floats(values + index, lanes));                       \
    s32x16 reaches = (value & MAGNITUDE) >= limit;                                    \
    store_floats(values + index, floats_of(reaches & value), lanes);                  \
  } while (0)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}
