// 64 bytes at a time, one bit of a word for each.
#pragma once

#include "vectors.h"

typedef char c8x64 __attribute__((ext_vector_type(64)));
typedef int8_t s8x64 __attribute__((ext_vector_type(64)));
typedef uint16_t u16x32 __attribute__((ext_vector_type(32)));
typedef uint16_t u16x64 __attribute__((ext_vector_type(64)));
typedef int16_t s16x64 __attribute__((ext_vector_type(64)));

INLINE uint64_t first_bits(size_t count) { return count >= WORD ? ~0ull : (1ull << count) - 1; }

INLINE u8x64 load_bytes(const uint8_t *from, size_t count) {
  u8x64 bytes = 0;
  memcpy(&bytes, from, count);
  return bytes;
}

#if SLUICE_LANE_MOVES
// The result of a comparison of bytes as one bit for each.
INLINE uint64_t word_of_bytes(c8x64 comparison) {
  bit64 bits = __builtin_convertvector(comparison, bit64);
  uint64_t word;
  memcpy(&word, &bits, sizeof word);
  return word;
}
#endif
