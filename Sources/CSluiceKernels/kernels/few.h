// Counting few values, which a network of comparisons sorts.
#pragma once

#include "lanes.h"
#include "words.h"

#if SLUICE_LANE_MOVES
enum { MOST_VECTORS = SLUICE_FEW / LANES };
#define UNROLLED _Pragma("clang loop unroll(full)")

// The lanes of a vector, each in the place of the one whose number differs from its own by these bits.
INLINE s32x16 swapped_lanes(s32x16 value, int bits) {
#define SWAPPED(bits)                                                                               \
  case bits:                                                                                        \
    return __builtin_shufflevector(value, value, 0 ^ bits, 1 ^ bits, 2 ^ bits, 3 ^ bits, 4 ^ bits,  \
                                   5 ^ bits, 6 ^ bits, 7 ^ bits, 8 ^ bits, 9 ^ bits, 10 ^ bits,     \
                                   11 ^ bits, 12 ^ bits, 13 ^ bits, 14 ^ bits, 15 ^ bits)
  switch (bits) {
    SWAPPED(1);
    SWAPPED(2);
    SWAPPED(3);
    SWAPPED(4);
    SWAPPED(7);
    SWAPPED(8);
    default: SWAPPED(15);
  }
#undef SWAPPED
}

// Puts the smaller lanes into the first.
INLINE void sort_pair(s32x16 *first, s32x16 *second) {
  const s32x16 least = __builtin_elementwise_min(*first, *second);
  *second = larger(*first, *second);
  *first = least;
}

// The larger where a bit of the lane's number is set, the smaller elsewhere.
INLINE s32x16 sorted_halves(s32x16 a, s32x16 b, int bit) {
  const s32x16 number = {FIRST16};
  return (number & bit) != 0 ? larger(a, b) : __builtin_elementwise_min(a, b);
}

// Sorts each lane over 2^n vectors, by Batcher's network of merges of odd and even places.
INLINE void sort_lanes(s32x16 *vectors, int count) {
  UNROLLED for (int run = 1; run < count; run *= 2) {
    UNROLLED for (int step = run; step >= 1; step /= 2) {
      UNROLLED for (int start = step % run; start + step < count; start += 2 * step) {
        UNROLLED for (int place = start; place < start + step; place++) {
          const int other = place + step;
          if (other < count && place / (2 * run) == other / (2 * run)) {
            sort_pair(vectors + place, vectors + other);
          }
        }
      }
    }
  }
}

// Merges sorted lanes, two and two, until all are one run, lane by lane: each merge is bitonic.
INLINE void merge_lanes(s32x16 *vectors, int count) {
  UNROLLED for (int lanes = 1; lanes < LANES; lanes *= 2) {
    UNROLLED for (int place = 0; place < count / 2; place++) {
      const int other = count - 1 - place;
      const s32x16 last = swapped_lanes(vectors[other], 2 * lanes - 1);
      vectors[other] =
          sorted_halves(vectors[other], swapped_lanes(vectors[place], 2 * lanes - 1), lanes);
      vectors[place] = sorted_halves(vectors[place], last, lanes);
    }
    UNROLLED for (int step = lanes / 2; step >= 1; step /= 2) {
      UNROLLED for (int place = 0; place < count; place++) {
        vectors[place] = sorted_halves(vectors[place], swapped_lanes(vectors[place], step), step);
      }
    }
    UNROLLED for (int step = count / 2; step >= 1; step /= 2) {
      UNROLLED for (int place = 0; place < count; place++) {
        if ((place & step) == 0) sort_pair(vectors + place, vectors + place + step);
      }
    }
  }
}

// The first lanes of all vectors, then the second, and so on.
INLINE void interleave(s32x16 *vectors, int count) {
  s32x16 next[MOST_VECTORS];
  UNROLLED for (int round = 1; round < count; round *= 2) {
    UNROLLED for (int place = 0; place < count / 2; place++) {
      const s32x16 a = vectors[place], b = vectors[place + count / 2];
      next[2 * place] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * place + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                                    29, 14, 30, 15, 31);
    }
    memcpy(vectors, next, (size_t)count * sizeof *vectors);
  }
}

// Sorts as many values as fit 2^n vectors; what is behind them is larger than all.
INLINE void sort_few(const uint32_t *values, size_t count, int vector_count, uint32_t *sorted) {
  s32x16 vectors[MOST_VECTORS];
  UNROLLED for (int place = 0; place < vector_count; place++) vectors[place] = MAGNITUDE;
  memcpy(vectors, values, count * sizeof *values);
  sort_lanes(vectors, vector_count);
  merge_lanes(vectors, vector_count);
  interleave(vectors, vector_count);
  memcpy(sorted, vectors, (size_t)vector_count * sizeof *vectors);
}

static size_t count_few(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts) {
  uint32_t sorted[SLUICE_FEW], starts[SLUICE_FEW + LANES + 1], kept[SLUICE_FEW + LANES];
  if (count <= 4 * LANES) {
    sort_few(values, count, 4, sorted);
  } else if (count <= 8 * LANES) {
    sort_few(values, count, 8, sorted);
  } else {
    sort_few(values, count, 16, sorted);
  }
  size_t found = 0;
  // No value has all bits.
  uint32_t last = UINT32_MAX;
  for (size_t place = 0; place < count; place += LANES) {
    u32x16 here;
    memcpy(&here, sorted + place, sizeof here);
    u32x16 before = __builtin_shufflevector(here, here, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                            13, 14);
    before[0] = last;
    last = here[LANES - 1];
    const size_t left = count - place < LANES ? count - place : LANES;
    const uint64_t word = word_of((s32x16)(here != before)) & first_bits(left);
    const u32x16 lanes = {FIRST16};
    store_kept(kept + found, here, word);
    store_kept(starts + found, lanes + (uint32_t)place, word);
    found += (size_t)__builtin_popcountll(word);
  }
  starts[found] = (uint32_t)count;
  memcpy(bits, kept, found * sizeof *bits);
  for (size_t index = 0; index < found; index++) counts[index] = starts[index + 1] - starts[index];
  return found;
}
#undef UNROLLED
#else
static size_t count_few(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts) {
  uint32_t sorted[SLUICE_FEW], scratch[SLUICE_FEW];
  memcpy(sorted, values, count * sizeof *values);
  sluice_sort_magnitudes(sorted, scratch, count);
  return sluice_count_sorted(sorted, count, bits, counts);
}
#endif
