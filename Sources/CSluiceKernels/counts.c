// What follows the counting: finding counters in use, and sorting and counting magnitudes.
#include <stdbool.h>
#include <string.h>

#include "include/sluice_kernels.h"

// Most counters were never met, and those lie together: whole groups of them are skipped.
#define NEXT_COUNTED(counters, start, end)                                                         \
  enum { GROUP = 16 };                                                                             \
  size_t index = start;                                                                            \
  while (index + GROUP <= end) {                                                                   \
    uint64_t any = 0;                                                                              \
    for (size_t place = 0; place < GROUP; place++) any |= counters[index + place];                 \
    if (any) break;                                                                                \
    index += GROUP;                                                                                \
  }                                                                                                \
  while (index < end && counters[index] == 0) index++;                                             \
  return index;

size_t sluice_next_counted(const uint32_t *counters, size_t start, size_t end) {
  NEXT_COUNTED(counters, start, end)
}

size_t sluice_next_counted_wide(const uint64_t *counters, size_t start, size_t end) {
  NEXT_COUNTED(counters, start, end)
}

size_t sluice_count_sorted(const uint32_t *values, size_t count, uint32_t *bits, uint32_t *counts) {
  size_t found = 0, start = 0;
  for (size_t index = 0; index < count; index++) {
    const uint32_t value = values[index];
    const bool is_last = index + 1 == count || values[index + 1] != value;
    bits[found] = value;
    counts[found] = (uint32_t)(index + 1 - start);
    found += is_last;
    start = is_last ? index + 1 : start;
  }
  return found;
}

// Sorts by the 32 bits from `shift` on, smallest first, in passes over `BITS` bits each that keep the order of equals.
// A digit that all values share needs no pass.
#define SORT_BY_DIGITS(BITS, type, shift, values, scratch, count)                                  \
  enum { DIGITS = (32 + BITS - 1) / BITS, VALUES = 1 << BITS };                                    \
  size_t starts[DIGITS][VALUES] = {0};                                                             \
  for (size_t index = 0; index < count; index++) {                                                 \
    for (int digit = 0; digit < DIGITS; digit++) {                                                 \
      starts[digit][values[index] >> (shift + digit * BITS) & (VALUES - 1)]++;                     \
    }                                                                                              \
  }                                                                                                \
  type *from = values, *to = scratch;                                                              \
  for (int digit = 0; digit < DIGITS; digit++) {                                                   \
    if (starts[digit][from[0] >> (shift + digit * BITS) & (VALUES - 1)] == count) continue;        \
    size_t start = 0;                                                                              \
    for (int value = 0; value < VALUES; value++) {                                                 \
      size_t here = starts[digit][value];                                                          \
      starts[digit][value] = start;                                                                \
      start += here;                                                                               \
    }                                                                                              \
    for (size_t index = 0; index < count; index++) {                                               \
      to[starts[digit][from[index] >> (shift + digit * BITS) & (VALUES - 1)]++] = from[index];     \
    }                                                                                              \
    type *swap = from;                                                                             \
    from = to;                                                                                     \
    to = swap;                                                                                     \
  }                                                                                                \
  if (from != values) memcpy(values, from, count * sizeof *values);

// Clearing counters and adding them up costs more than sorting few values in more passes, or very few in place.
#define SORTING(name, type, shift)                                                                 \
  static void name##_few(type *values, type *scratch, size_t count) {                              \
    SORT_BY_DIGITS(8, type, shift, values, scratch, count)                                         \
  }                                                                                                \
  static void name##_many(type *values, type *scratch, size_t count) {                             \
    SORT_BY_DIGITS(11, type, shift, values, scratch, count)                                        \
  }                                                                                                \
  void name(type *values, type *scratch, size_t count) {                                           \
    enum { VERY_FEW = 32, FEW = 2500 };                                                            \
    if (count >= VERY_FEW) {                                                                       \
      (count < FEW ? name##_few : name##_many)(values, scratch, count);                            \
      return;                                                                                      \
    }                                                                                              \
    for (size_t index = 1; index < count; index++) {                                               \
      type value = values[index];                                                                  \
      size_t place = index;                                                                        \
      for (; place > 0 && values[place - 1] >> shift > value >> shift; place--) {                  \
        values[place] = values[place - 1];                                                         \
      }                                                                                            \
      values[place] = value;                                                                       \
    }                                                                                              \
  }

SORTING(sluice_sort_magnitudes, uint32_t, 0)
SORTING(sluice_sort_places, uint64_t, 32)
