// Vectors of 16 lanes, which the compiler splits into whatever registers the level has.
//
// Every kernel is written once, in terms of these, and compiled once per level. A block that does
// not fill its last vector is loaded and stored lane by lane; the missing lanes are +0.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../include/sluice_kernels.h"

// The functions that pass vectors are all inlined, so no calling convention is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

// One rounding per operation, as the formulas say: no fused multiply-add.
#pragma STDC FP_CONTRACT OFF

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor bytes are little-endian");

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, WORD = 64 };

typedef float f32x16 __attribute__((ext_vector_type(16)));
typedef double f64x16 __attribute__((ext_vector_type(16)));
typedef int32_t s32x16 __attribute__((ext_vector_type(16)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint64_t u64x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x8 __attribute__((ext_vector_type(8)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef int16_t s16x16 __attribute__((ext_vector_type(16)));
typedef uint16_t u16x16 __attribute__((ext_vector_type(16)));
typedef bool bit16 __attribute__((ext_vector_type(16)));
typedef bool bit32 __attribute__((ext_vector_type(32)));
typedef bool bit64 __attribute__((ext_vector_type(64)));

#define MAGNITUDE 0x7fffffff
#define SIGN ((int32_t)0x80000000)
#define INFINITY_BITS 0x7f800000

// The bits of floats, and back.
INLINE s32x16 bits_of(f32x16 value) { return (s32x16)value; }
INLINE f32x16 floats_of(s32x16 bits) { return (f32x16)bits; }
INLINE u64x16 double_bits_of(f64x16 value) { return (u64x16)value; }
INLINE f64x16 doubles_of(u64x16 bits) { return (f64x16)bits; }

// The result of a comparison as one bit per lane, and back.
INLINE uint64_t word_of(s32x16 comparison) {
  bit16 bits = __builtin_convertvector(comparison, bit16);
  uint16_t word;
  memcpy(&word, &bits, sizeof word);
  return word;
}
INLINE s32x16 lanes_of(uint64_t word) {
  uint16_t low = (uint16_t)word;
  bit16 bits;
  memcpy(&bits, &low, sizeof bits);
  return -__builtin_convertvector(bits, s32x16);
}

// The results of four comparisons as one word. Joined as vectors of bits: the shifts and unions of
// four small words are compiled into something slower.
#define FIRST16 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define NEXT16 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
#define LAST32                                                                                 \
  32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, \
      55, 56, 57, 58, 59, 60, 61, 62, 63
INLINE uint64_t whole_word_of(const s32x16 comparisons[4]) {
  bit16 a = __builtin_convertvector(comparisons[0], bit16);
  bit16 b = __builtin_convertvector(comparisons[1], bit16);
  bit16 c = __builtin_convertvector(comparisons[2], bit16);
  bit16 d = __builtin_convertvector(comparisons[3], bit16);
  bit32 ab = __builtin_shufflevector(a, b, FIRST16, NEXT16);
  bit32 cd = __builtin_shufflevector(c, d, FIRST16, NEXT16);
  bit64 all = __builtin_shufflevector(ab, cd, FIRST16, NEXT16, LAST32);
  uint64_t word;
  memcpy(&word, &all, sizeof word);
  return word;
}

// Puts the lowest bits of `source` where `mask` has ones.
#if SLUICE_BIT_DEPOSIT
INLINE uint64_t deposit(uint64_t source, uint64_t mask) {
  return __builtin_ia32_pdep_di(source, mask);
}
#else
INLINE uint64_t deposit(uint64_t source, uint64_t mask) {
  uint64_t out = 0;
  // Whether a bit is set is as good as random: a branch would cost more than the rest.
  for (; mask != 0; mask &= mask - 1, source >>= 1) out |= mask & -mask & -(source & 1);
  return out;
}
#endif

// Loads and stores at any address. `lanes` is the constant LANES in every loop but the last step.
INLINE f32x16 load_floats(const float *from, size_t lanes) {
  f32x16 value = 0;
  memcpy(&value, from, lanes * sizeof(float));
  return value;
}
INLINE void store_floats(float *to, f32x16 value, size_t lanes) {
  memcpy(to, &value, lanes * sizeof(float));
}

// The bits of the magnitude of one element.
INLINE uint32_t magnitude_at(const float *values, size_t index) {
  uint32_t bits;
  memcpy(&bits, values + index, sizeof bits);
  return bits & MAGNITUDE;
}

// The larger lanes. Magnitudes are below 2^31, and every level compares signed numbers.
INLINE s32x16 larger(s32x16 a, s32x16 b) { return __builtin_elementwise_max(a, b); }

// The largest of all lanes.
INLINE uint32_t largest(s32x16 value) { return (uint32_t)__builtin_reduce_max(value); }

// Runs `step(index, lanes)` over a block: whole vectors, then what is left.
#define FOR_EACH_VECTOR(count, step)                  \
  do {                                                \
    size_t index = 0;                                 \
    for (; index + LANES <= (count); index += LANES) { \
      step(index, LANES);                             \
    }                                                 \
    if (index < (count)) {                            \
      step(index, ((count)-index));                   \
    }                                                 \
  } while (0)
