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
// The nearest numbers of 8 bits of four vectors, in an order of their own: signs stay, and what is zero or not. One test of
// them stands for four of lanes, whose results would have to be joined.
INLINE s8x64 narrowed_word(const s32x16 values[4]) {
  typedef int v16si __attribute__((vector_size(64)));
  typedef short v32hi __attribute__((vector_size(64)));
  const v32hi ab = __builtin_ia32_packssdw512((v16si)values[0], (v16si)values[1]);
  const v32hi cd = __builtin_ia32_packssdw512((v16si)values[2], (v16si)values[3]);
  return (s8x64)__builtin_ia32_packsswb512(ab, cd);
}

// The same in the order of the lanes: they are packed within each quarter of the registers.
INLINE s8x64 saturated_word(const s32x16 values[4]) {
  const s32x16 quarters = (s32x16)narrowed_word(values);
  return (s8x64)__builtin_shufflevector(quarters, quarters, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14,
                                        3, 7, 11, 15);
}
#endif

// Which of 64 numbers are not zero, and which of those are negative, in an order that is always the same.
INLINE void find_signs(const float *from, uint64_t *set, uint64_t *negative) {
  s32x16 values[4];
  for (int part = 0; part < 4; part++) {
    // Of both zeros it makes the one without a sign, which is the only number that stays zero when it is narrowed.
    values[part] = bits_of(load_floats(from + part * LANES, LANES) + 0.0f);
  }
#if SLUICE_BYTE_TESTS
  const s8x64 bytes = narrowed_word(values);
  *set = word_of_bytes(bytes != 0);
  *negative = word_of_bytes(bytes < 0);
#elif SLUICE_LANE_MOVES
  typedef int v8si __attribute__((vector_size(32)));
  typedef short v16hi __attribute__((vector_size(32)));
  typedef char v32qi __attribute__((vector_size(32)));
  *set = *negative = 0;
  for (int half = 0; half < 2; half++) {
    v8si parts[4];
    memcpy(parts, values + 2 * half, sizeof parts);
    const v16hi ab = __builtin_ia32_packssdw256(parts[0], parts[1]);
    const v16hi cd = __builtin_ia32_packssdw256(parts[2], parts[3]);
    const v32qi bytes = (v32qi)__builtin_ia32_packsswb256(ab, cd);
    *set |= (uint64_t)~(uint32_t)__builtin_ia32_pmovmskb256((v32qi)(bytes == 0)) << 32 * half;
    *negative |= (uint64_t)(uint32_t)__builtin_ia32_pmovmskb256(bytes) << 32 * half;
  }
#elif SLUICE_SSE2_ALONE
  *set = *negative = 0;
  for (int part = 0; part < 4; part++) {
    const s8x16 bytes = saturated(values[part]);
    *set |= (zeros_of(bytes) ^ 0xffff) << LANES * part;
    *negative |= signs_of(bytes) << LANES * part;
  }
#else
  s32x16 are_set[4], are_negative[4];
  for (int part = 0; part < 4; part++) {
    are_set[part] = values[part] != 0;
    are_negative[part] = values[part] < 0;
  }
  *set = whole_word_of(are_set);
  *negative = whole_word_of(are_negative);
#endif
}
