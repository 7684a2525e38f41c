// How many numbers have which size, by powers of two.
#pragma once

#include "words.h"

// Numbers whose classes are found before any is counted. Each lane of bytes counts at most 16 of them.
enum { SIZED = 1024, NO_SIZE = 0xff };

// The biased exponents of 64 numbers, in an order of their own: of each the upper half stands for it.
INLINE u8x64 exponents_of(const float *values, size_t count) {
  u32x16 bits[WORD / LANES];
  for (size_t part = 0; part < WORD / LANES; part++) {
    const size_t start = part * LANES, rest = count > start ? count - start : 0;
    bits[part] = (u32x16)load_floats(values + start, rest < LANES ? rest : LANES);
  }
  const u16x32 first = (u16x32)(bits[0] >> 16 | (bits[1] & 0xffff0000));
  const u16x32 second = (u16x32)(bits[2] >> 16 | (bits[3] & 0xffff0000));
  return (u8x64)((u16x32)(first << 1) >> 8 | ((u16x32)(second << 1) & 0xff00));
}

// The classes of numbers, one byte each, filled up with `NO_SIZE` to whole words; the ends of those that there are.
INLINE void find_sizes(const float *values, size_t count, uint8_t first, uint8_t last,
                       uint8_t *classes, int ends[2]) {
  u8x64 smallest = NO_SIZE;
  u8x64 end = 0;
  // A missing number is a zero.
#define STEP(index, length)                                                                    \
  const u8x64 exponents = exponents_of(values + index, length);                                \
  const u8x64 above = __builtin_elementwise_sub_sat(exponents, (u8x64)first);                  \
  const u8x64 found =                                                                          \
      __builtin_elementwise_min(above, (u8x64)last) | (u8x64)(exponents == 0);                 \
  smallest = __builtin_elementwise_min(smallest, found);                                       \
  end = __builtin_elementwise_max(end, found + 1);                                             \
  memcpy(classes + index, &found, sizeof found)
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    STEP(index, WORD);
  }
  if (index < count) {
    STEP(index, count - index);
  }
#undef STEP
  ends[0] = (int)__builtin_reduce_min(smallest);
  ends[1] = (int)__builtin_reduce_max(end) - 1;
}

// A counter is slow where one number after the other is of its class; vectors look for each class that there is.
static void count_sizes(const float *values, size_t count, uint32_t first_exponent,
                        uint32_t class_count, uint32_t *counts) {
  for (size_t start = 0; start < count; start += SIZED) {
    size_t length = count - start < SIZED ? count - start : SIZED;
    uint8_t classes[SIZED];
    int ends[2];
    find_sizes(values + start, length, (uint8_t)first_exponent, (uint8_t)(class_count - 1), classes,
               ends);
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
