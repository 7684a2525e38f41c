// How many numbers have which size, by powers of two.
#pragma once

#include "words.h"

// Numbers whose classes are found before any is counted. Each lane of bytes counts at most 16 of them.
enum { SIZED = 1024, NO_SIZE = 0xff };

// The classes of numbers, one byte each, filled up with `NO_SIZE` to whole vectors; the ends of those that there are.
INLINE void find_sizes(const float *values, size_t count, int first, int last, uint8_t *classes,
                       int ends[2]) {
  u32x16 smallest = NO_SIZE;
  s32x16 top = -1;
#define STEP(index, lanes)                                                                 \
  s32x16 exponents = (bits_of(load_floats(values + index, lanes)) & MAGNITUDE) >> 23;      \
  s32x16 found = __builtin_elementwise_min(larger(exponents - first, (s32x16)0), (s32x16)last) | \
                 (exponents == 0);                                                         \
  smallest = __builtin_elementwise_min(smallest, (u32x16)found);                           \
  top = larger(top, found);                                                                \
  u8x16 bytes = __builtin_convertvector((u32x16)found, u8x16);                             \
  memcpy(classes + index, &bytes, sizeof bytes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  for (size_t index = (count + LANES - 1) / LANES * LANES; index % WORD != 0; index += LANES) {
    memset(classes + index, NO_SIZE, LANES);
  }
  ends[0] = (int)__builtin_reduce_min(smallest);
  ends[1] = (int)largest(top);
}

// A counter is slow where one number after the other is of its class; vectors look for each class that there is.
static void count_sizes(const float *values, size_t count, uint32_t first_exponent,
                        uint32_t class_count, uint32_t *counts) {
  for (size_t start = 0; start < count; start += SIZED) {
    size_t length = count - start < SIZED ? count - start : SIZED;
    uint8_t classes[SIZED];
    int ends[2];
    find_sizes(values + start, length, (int)first_exponent, (int)class_count - 1, classes, ends);
    for (int class = ends[0]; class <= ends[1]; class++) {
      u8x64 found = 0;
      for (size_t index = 0; index < length; index += WORD) {
        u8x64 all;
        memcpy(&all, classes + index, sizeof all);
        found -= (u8x64)(all == (uint8_t)class);
      }
      counts[class] += __builtin_reduce_add(__builtin_convertvector(found, u16x64));
    }
  }
}
