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

#if SLUICE_BYTE_TESTS
// The nearest numbers of 8 bits of four vectors: signs stay, and what is zero or not. One test of them stands for four of
// lanes, whose results would have to be joined.
INLINE s8x64 saturated_word(const s32x16 values[4]) {
  typedef int v16si __attribute__((vector_size(64)));
  typedef short v32hi __attribute__((vector_size(64)));
  const v32hi ab = __builtin_ia32_packssdw512((v16si)values[0], (v16si)values[1]);
  const v32hi cd = __builtin_ia32_packssdw512((v16si)values[2], (v16si)values[3]);
  // They are packed within each quarter of the registers.
  const s32x16 quarters = (s32x16)__builtin_ia32_packsswb512(ab, cd);
  return (s8x64)__builtin_shufflevector(quarters, quarters, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14,
                                        3, 7, 11, 15);
}
#endif
