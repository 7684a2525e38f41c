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
typedef uint32_t u32x8 __attribute__((ext_vector_type(8)));
typedef uint32_t u32x16 __attribute__((ext_vector_type(16)));
typedef uint64_t u64x8 __attribute__((ext_vector_type(8)));
typedef uint64_t u64x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x8 __attribute__((ext_vector_type(8)));
typedef uint8_t u8x16 __attribute__((ext_vector_type(16)));
typedef uint8_t u8x64 __attribute__((ext_vector_type(64)));
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
#if SLUICE_SSE2_ALONE
  // Read four by four: making them takes three instructions for each four.
#define QUARTER(bits) {-((bits)&1), -((bits) >> 1 & 1), -((bits) >> 2 & 1), -((bits) >> 3 & 1)}
  static const _Alignas(64) int32_t quarters[LANES][4] = {
      QUARTER(0),  QUARTER(1),  QUARTER(2),  QUARTER(3), QUARTER(4),  QUARTER(5),
      QUARTER(6),  QUARTER(7),  QUARTER(8),  QUARTER(9), QUARTER(10), QUARTER(11),
      QUARTER(12), QUARTER(13), QUARTER(14), QUARTER(15)};
#undef QUARTER
  s32x16 lanes;
  for (int quarter = 0; quarter < 4; quarter++) {
    memcpy((char *)&lanes + quarter * 16, quarters[word >> 4 * quarter & 15], 16);
  }
  return lanes;
#else
  uint16_t low = (uint16_t)word;
  bit16 bits;
  memcpy(&bits, &low, sizeof bits);
  return -__builtin_convertvector(bits, s32x16);
#endif
}

// The first where a lane is all ones, the second where it is all zeros.
INLINE f32x16 chosen(s32x16 lanes, f32x16 a, f32x16 b) {
#if SLUICE_SSE2_ALONE
  // That lanes out of a table are one or the other, the compiler does not see.
  return floats_of((lanes & bits_of(a)) | (~lanes & bits_of(b)));
#else
  return lanes ? a : b;
#endif
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

#if SLUICE_SSE2_ALONE
typedef int8_t s8x16 __attribute__((ext_vector_type(16)));

typedef int v4si __attribute__((vector_size(16)));
typedef short v8hi __attribute__((vector_size(16)));

// The nearest numbers of 16 bits.
INLINE s16x16 short_numbers(s32x16 value) {
  v4si parts[4];
  memcpy(parts, &value, sizeof parts);
  v8hi halves[2] = {__builtin_ia32_packssdw128(parts[0], parts[1]),
                    __builtin_ia32_packssdw128(parts[2], parts[3])};
  s16x16 out;
  memcpy(&out, halves, sizeof out);
  return out;
}

// The nearest numbers of 8 bits: signs stay, and what is zero or not. One comparison of them stands for four of the lanes.
INLINE s8x16 saturated(s32x16 value) {
  v8hi halves[2];
  s16x16 all = short_numbers(value);
  memcpy(halves, &all, sizeof all);
  return (s8x16)__builtin_ia32_packsswb128(halves[0], halves[1]);
}

// The signs, and the zeros, as one bit per lane.
INLINE uint64_t signs_of(s8x16 value) {
  typedef char v16qi __attribute__((vector_size(16)));
  return (uint64_t)__builtin_ia32_pmovmskb128((v16qi)value);
}
INLINE uint64_t zeros_of(s8x16 value) { return signs_of((s8x16)(value == 0)); }
#endif

#if SLUICE_BIT_DEPOSIT
// Puts the lowest bits of `source` where `mask` has ones.
INLINE uint64_t deposit(uint64_t source, uint64_t mask) {
  return __builtin_ia32_pdep_di(source, mask);
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
