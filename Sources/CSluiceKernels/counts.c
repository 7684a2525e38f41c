// What follows the counting: adding up counters, finding those in use, and sorting magnitudes by their digits.
#include <string.h>

#include "include/sluice_kernels.h"

// No bin is overwritten before it is read, for its own counters are at twice its index.
void sluice_fold_histogram(uint32_t *table, size_t bin_count) {
  for (size_t bin = 0; bin < bin_count; bin++) table[bin] = table[2 * bin] + table[2 * bin + 1];
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

enum { DIGIT_BITS = 11, DIGITS = 3, VALUES = 1 << DIGIT_BITS };

static inline uint32_t digit_of(uint32_t value, int digit) {
  return (value >> (digit * DIGIT_BITS)) & (VALUES - 1);
}

// Clearing the counters costs more than sorting a few values in place.
static void sort_few(uint32_t *values, size_t count) {
  for (size_t index = 1; index < count; index++) {
    uint32_t value = values[index];
    size_t place = index;
    for (; place > 0 && values[place - 1] > value; place--) values[place] = values[place - 1];
    values[place] = value;
  }
}

// Puts every value after those with a smaller digit, in the order they come.
static void scatter(const uint32_t *from, uint32_t *to, size_t count, int digit, size_t *starts) {
  for (size_t index = 0; index < count; index++) {
    to[starts[digit_of(from[index], digit)]++] = from[index];
  }
}

void sluice_sort_magnitudes(uint32_t *values, uint32_t *scratch, size_t count) {
  if (count < 64) {
    sort_few(values, count);
    return;
  }
  size_t starts[DIGITS][VALUES] = {0};
  for (size_t index = 0; index < count; index++) {
    for (int digit = 0; digit < DIGITS; digit++) starts[digit][digit_of(values[index], digit)]++;
  }
  uint32_t *from = values, *to = scratch;
  for (int digit = 0; digit < DIGITS; digit++) {
    // A digit that all values share needs no pass.
    if (starts[digit][digit_of(from[0], digit)] == count) continue;
    size_t start = 0;
    for (int value = 0; value < VALUES; value++) {
      size_t here = starts[digit][value];
      starts[digit][value] = start;
      start += here;
    }
    scatter(from, to, count, digit, starts[digit]);
    uint32_t *swap = from;
    from = to;
    to = swap;
  }
  if (from != values) memcpy(values, from, count * sizeof *values);
}
