// From small codes with scales of their own to Float32.
#pragma once

#include "vectors.h"


// A number with an exponent of some bits and a fraction of some: normal where the exponent is not 0, else
// the fraction times the smallest. No step makes or takes a subnormal Float32, which costs a hundred
// cycles.
INLINE s32x16 small_float(s32x16 magnitude, int fraction_bits, int bias, float smallest) {
  s32x16 normal = (magnitude << (23 - fraction_bits)) + ((127 - bias) << 23);
  s32x16 small = bits_of(__builtin_convertvector(magnitude, f32x16) * smallest);
  return magnitude < (1 << fraction_bits) ? small : normal;
}

INLINE f32x16 code_values(sluice_code code, u8x16 codes) {
  s32x16 all = __builtin_convertvector(codes, s32x16);
  if (code == SLUICE_INT4) return __builtin_convertvector(all - 8, f32x16);
  if (code == SLUICE_E2M1) return floats_of(small_float(all & 7, 1, 1, 0x1p-1f) | ((all & 8) << 28));
  s32x16 magnitude = all & 0x7f;
  s32x16 number = small_float(magnitude, 3, 7, 0x1p-9f);
  number = magnitude == 0x7f ? (s32x16)0x7fc00000 : number;
  return floats_of(number | ((all & 0x80) << 24));
}

// The codes of `lanes` elements, from a byte on.
INLINE u8x16 load_codes(sluice_code code, const uint8_t *from, size_t lanes) {
  if (code == SLUICE_E4M3) {
    u8x16 codes = 0;
    memcpy(&codes, from, lanes);
    return codes;
  }
  u8x8 pairs = 0;
  memcpy(&pairs, from, (lanes + 1) / 2);
  return __builtin_shufflevector(pairs & 15, pairs >> 4, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6,
                                 14, 7, 15);
}

INLINE void decode_as(sluice_code code, const uint8_t *codes, size_t first, size_t count,
                      const float *scales, size_t block, float *out) {
  size_t odd = first & 1;
  size_t index = 0;
  while (index < count) {
    size_t end = ((first + index) / block + 1) * block - first;
    end = end < count ? end : count;
    float scale = *scales++;
    if (code != SLUICE_E4M3 && ((first + index) & 1)) {
      u8x16 upper = codes[(odd + index) / 2] >> 4;
      store_floats(out + index, code_values(code, upper) * scale, 1);
      index += 1;
    }
#define STEP(at, lanes)                                                                        \
  const uint8_t *from = codes + (code == SLUICE_E4M3 ? index + at : (odd + index + at) / 2);   \
  store_floats(out + index + at, code_values(code, load_codes(code, from, lanes)) * scale, lanes)
    size_t left = end - index;
    size_t at = 0;
    for (; at + LANES <= left; at += LANES) {
      STEP(at, LANES);
    }
    if (at < left) {
      STEP(at, (left - at));
    }
#undef STEP
    index = end;
  }
}

static void decode(const uint8_t *codes, sluice_code code, size_t first, size_t count,
                   const float *scales, size_t block, float *out) {
  switch (code) {
    case SLUICE_E4M3: decode_as(SLUICE_E4M3, codes, first, count, scales, block, out); break;
    case SLUICE_E2M1: decode_as(SLUICE_E2M1, codes, first, count, scales, block, out); break;
    case SLUICE_INT4: decode_as(SLUICE_INT4, codes, first, count, scales, block, out); break;
  }
}
