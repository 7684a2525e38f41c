// What follows the counting: adding up counters, finding those in use, and sorting magnitudes by their digits.
#include <string.h>

#include "include/sluice_kernels.h"

// No bin is overwritten before it is read, for its own counters are at twice its index.
void sluice_fold_histogram(uint32_t *table, size_t start, size_t end) {
  for (size_t bin = start; bin < end; bin++) table[bin] = table[2 * bin] + table[2 * bin + 1];
}

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

// In a group with one that was met there are mostly several: each is written, and stays if it was met.
size_t sluice_counted_places(const uint32_t *counters, size_t start, size_t end, uint32_t *places) {
  enum { GROUP = 16 };
  size_t found = 0, index = start;
  for (; index + GROUP <= end; index += GROUP) {
    uint32_t any = 0;
    for (size_t place = 0; place < GROUP; place++) any |= counters[index + place];
    if (!any) continue;
    for (size_t place = index; place < index + GROUP; place++) {
      places[found] = (uint32_t)place;
      found += counters[place] != 0;
    }
  }
  for (; index < end; index++) {
    if (counters[index]) places[found++] = (uint32_t)index;
  }
  return found;
}

enum { DIGIT_BITS = 11, DIGITS = 3, VALUES = 1 << DIGIT_BITS };

// Sorts by the 33 bits from `shift` on, smallest first, in passes over 11 bits each that keep the order of equals.
// Clearing the counters costs more than sorting a few values in place. A digit that all values share needs no pass.
#define SORT_BY_DIGITS(type, shift, values, scratch, count)                                        \
  if (count < 64) {                                                                                \
    for (size_t index = 1; index < count; index++) {                                               \
      type value = values[index];                                                                  \
      size_t place = index;                                                                        \
      for (; place > 0 && values[place - 1] >> shift > value >> shift; place--) {                  \
        values[place] = values[place - 1];                                                         \
      }                                                                                            \
      values[place] = value;                                                                       \
    }                                                                                              \
    return;                                                                                        \
  }                                                                                                \
  size_t starts[DIGITS][VALUES] = {0};                                                             \
  for (size_t index = 0; index < count; index++) {                                                 \
    for (int digit = 0; digit < DIGITS; digit++) starts[digit][DIGIT(values[index], shift)]++;     \
  }                                                                                                \
  type *from = values, *to = scratch;                                                              \
  for (int digit = 0; digit < DIGITS; digit++) {                                                   \
    if (starts[digit][DIGIT(from[0], shift)] == count) continue;                                   \
    size_t start = 0;                                                                              \
    for (int value = 0; value < VALUES; value++) {                                                 \
      size_t here = starts[digit][value];                                                          \
      starts[digit][value] = start;                                                                \
      start += here;                                                                               \
    }                                                                                              \
    for (size_t index = 0; index < count; index++) {                                               \
      to[starts[digit][DIGIT(from[index], shift)]++] = from[index];                                \
    }                                                                                              \
    type *swap = from;                                                                             \
    from = to;                                                                                     \
    to = swap;                                                                                     \
  }                                                                                                \
  if (from != values) memcpy(values, from, count * sizeof *values);

#define DIGIT(value, shift) ((value) >> (shift + digit * DIGIT_BITS) & (VALUES - 1))

void sluice_sort_magnitudes(uint32_t *values, uint32_t *scratch, size_t count) {
  SORT_BY_DIGITS(uint32_t, 0, values, scratch, count)
}

void sluice_sort_places(uint64_t *places, uint64_t *scratch, size_t count) {
  SORT_BY_DIGITS(uint64_t, 32, places, scratch, count)
}
