// The classes of kept elements, by which their codes are sorted.
#pragma once

#include "words.h"

enum { CLASSES = 16, RUNS = 4 };

INLINE int one_exponent(sluice_dtype dtype) { return dtype == SLUICE_F16 ? 15 : 127; }

// 0 for a base of 1 or more in magnitude, one more for each halving, up to 15.
INLINE unsigned exponent_class(uint32_t pattern, sluice_dtype dtype) {
  int exponent = one_exponent(dtype) - (dtype == SLUICE_F16    ? (int)(pattern >> 10 & 31)
                                        : dtype == SLUICE_BF16 ? (int)(pattern >> 7 & 255)
                                                               : (int)(pattern >> 23 & 255));
  return exponent < 0 ? 0 : exponent > 15 ? 15 : (unsigned)exponent;
}

// How many elements each class has.
INLINE void count_classes(const uint8_t *classes, size_t count, uint32_t counts[CLASSES]) {
  memset(counts, 0, CLASSES * sizeof *counts);
  size_t index = 0;
#if SLUICE_LANE_MOVES
  uint32_t others = 0;
  for (; index + WORD <= count; index += WORD) {
    u8x64 all;
    memcpy(&all, classes + index, sizeof all);
    for (int class = 0; class < CLASSES - 1; class++) {
      counts[class] += (uint32_t)__builtin_popcountll(word_of_bytes(all == (uint8_t)class));
    }
  }
  for (int class = 0; class < CLASSES - 1; class++) others += counts[class];
  counts[CLASSES - 1] = (uint32_t)index - others;
#endif
  for (; index < count; index++) counts[classes[index]]++;
}

// Elements in four runs that are gone through side by side: in one run each code of a class waits for the place of the
// one before it.
typedef struct {
  size_t length;  // of the first three runs; the last has the rest
  uint32_t next[RUNS][CLASSES];
} class_runs;

// How many elements of each class each run has.
INLINE class_runs counted_runs(const uint8_t *classes, size_t count) {
  class_runs runs = {.length = count / RUNS / WORD * WORD};
  for (int run = 0; run < RUNS; run++) {
    size_t start = (size_t)run * runs.length;
    count_classes(classes + start, run == RUNS - 1 ? count - start : runs.length, runs.next[run]);
  }
  return runs;
}

// Turns numbers into the places of each run's first codes; `positions` moves on by what there is of each class.
INLINE void place_runs(class_runs *runs, uint32_t positions[CLASSES]) {
  for (int run = 0; run < RUNS; run++) {
    for (int class = 0; class < CLASSES; class++) {
      uint32_t count = runs->next[run][class];
      runs->next[run][class] = positions[class];
      positions[class] += count;
    }
  }
}

// Runs `step(index, place)` for all elements, four by four.
#define FOR_EACH_PLACE(runs, classes, count, step)                                  \
  do {                                                                              \
    for (size_t first = 0; first < (runs)->length; first++) {                        \
      for (int run = 0; run < RUNS; run++) {                                        \
        size_t index = first + (size_t)run * (runs)->length;                         \
        size_t place = (runs)->next[run][(classes)[index]]++;                        \
        step(index, place);                                                         \
      }                                                                             \
    }                                                                               \
    for (size_t index = RUNS * (runs)->length; index < (count); index++) {           \
      size_t place = (runs)->next[RUNS - 1][(classes)[index]]++;                     \
      step(index, place);                                                           \
    }                                                                               \
  } while (0)
