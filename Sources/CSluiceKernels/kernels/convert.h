// Between the element types of files and Float32.
#pragma once

#include "vectors.h"

typedef _Float16 f16x16 __attribute__((ext_vector_type(16)));

#if SLUICE_HALF_CONVERSION
// The level converts half precision itself.
INLINE f32x16 widen_half(u16x16 half) {
  return __builtin_convertvector((f16x16)half, f32x16);
}
INLINE u16x16 narrow_half(f32x16 value) {
  return (u16x16)__builtin_convertvector(value, f16x16);
}
#else
// 2^-14, the smallest normal half, as Float32 bits; its distance to 1 in exponents is the bias.
#define HALF_NORMAL 0x38800000
#define HALF_BIAS (112 << 23)

// The floats whose lower and upper bits are given.
INLINE f32x16 joined_halves(u16x16 lower, u16x16 upper) {
  return (f32x16)__builtin_shufflevector(lower, upper, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                         22, 7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                         14, 30, 15, 31);
}

INLINE f32x16 widen_half(u16x16 half) {
  const s16x16 magnitude = (s16x16)half & (int16_t)0x7fff;
  const s16x16 is_small = magnitude < (int16_t)0x0400, is_special = magnitude > (int16_t)0x7bff;
  s16x16 upper = (magnitude >> (int16_t)3) + (int16_t)(HALF_BIAS >> 16);
  upper += is_special & (int16_t)(HALF_BIAS >> 16);
  // A subnormal is m * 2^-24: put m after the mantissa of 2^-14, and take 2^-14 away again. Taking zero away makes
  // signalling NaNs quiet, as hardware does.
  upper += is_small & (int16_t)(1 << 7);
  f32x16 value = joined_halves(half << (uint16_t)13, (u16x16)upper) -
                 joined_halves((u16x16)0, (u16x16)(is_small & (int16_t)(HALF_NORMAL >> 16)));
  s32x16 sign = bits_of(joined_halves((u16x16)0, half & (uint16_t)0x8000));
  return floats_of(bits_of(value) | sign);
}
INLINE u16x16 narrow_half(f32x16 value) {
  s32x16 all = bits_of(value);
  s32x16 magnitude = all & MAGNITUDE;
  // Adding half of the dropped range, less one unless the last kept bit is set, rounds to even.
  s32x16 normal = (magnitude - HALF_BIAS + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  normal = normal > 0x7c00 ? (s32x16)0x7c00 : normal;
  // The last bit of 0.5 is 2^-24, the unit of subnormal halves: the addition rounds to it.
  s32x16 small = bits_of(floats_of(magnitude) + 0.5f) - 0x3f000000;
  s32x16 quiet = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  s32x16 out = magnitude < HALF_NORMAL ? small : normal;
  out = magnitude > INFINITY_BITS ? quiet : out;
  return __builtin_convertvector(out | ((all >> 16) & 0x8000), u16x16);
}
#endif

INLINE f32x16 widen_brain(u16x16 brain) {
  return (f32x16)(__builtin_convertvector(brain, u32x16) << 16);
}
INLINE u16x16 narrow_brain(f32x16 value) {
  u32x16 all = (u32x16)value;
  u32x16 rounded = (all + 0x7fff + ((all >> 16) & 1)) >> 16;
  u32x16 quiet = (all >> 16) | 0x40;
  s32x16 special = (bits_of(value) & MAGNITUDE) > INFINITY_BITS;
  return __builtin_convertvector(special ? quiet : rounded, u16x16);
}

// Float32 of `lanes` elements of a tensor, from element `index` on.
INLINE f32x16 load_elements(const char *raw, sluice_dtype dtype, size_t index, size_t lanes) {
  switch (dtype) {
    case SLUICE_F16:
    case SLUICE_BF16: {
      u16x16 bits = 0;
      memcpy(&bits, raw + 2 * index, lanes * 2);
      return dtype == SLUICE_F16 ? widen_half(bits) : widen_brain(bits);
    }
    case SLUICE_F32: {
      f32x16 value = 0;
      memcpy(&value, raw + 4 * index, lanes * 4);
      return value;
    }
    case SLUICE_F64: {
      f64x16 value = 0;
      memcpy(&value, raw + 8 * index, lanes * 8);
      return __builtin_convertvector(value, f32x16);
    }
  }
  return 0;
}

// Float32 of `lanes` elements minus those of a base, rounded once.
INLINE f32x16 load_difference(const char *raw, sluice_dtype dtype, const char *base,
                              sluice_dtype base_dtype, size_t index, size_t lanes) {
  return load_elements(raw, dtype, index, lanes) - load_elements(base, base_dtype, index, lanes);
}

// Rounds to the element type, to nearest with ties to even, and stores `lanes` elements.
INLINE void store_elements(char *raw, sluice_dtype dtype, size_t index, f32x16 value,
                           size_t lanes) {
  switch (dtype) {
    case SLUICE_F16:
    case SLUICE_BF16: {
      u16x16 bits = dtype == SLUICE_F16 ? narrow_half(value) : narrow_brain(value);
      memcpy(raw + 2 * index, &bits, lanes * 2);
      return;
    }
    case SLUICE_F32: {
      memcpy(raw + 4 * index, &value, lanes * 4);
      return;
    }
    case SLUICE_F64: {
      f64x16 wide = __builtin_convertvector(value, f64x16);
      memcpy(raw + 8 * index, &wide, lanes * 8);
      return;
    }
  }
}

#if SLUICE_SSE2_ALONE
// Rounds numbers, none of which is NaN.
INLINE u16x16 narrow_half_number(f32x16 value) {
  const s32x16 all = bits_of(value);
  const f32x16 most = 65536.0f;
  f32x16 held = floats_of(all & MAGNITUDE);
  held = held < most ? held : most;
  s32x16 magnitude = bits_of(held);
  s32x16 normal = (magnitude + (0xfff - HALF_BIAS) + ((magnitude >> 13) & 1)) >> 13;
  s32x16 small = bits_of(held + 0.5f) - 0x3f000000;
  s32x16 is_small = magnitude < HALF_NORMAL;
  s32x16 out = (is_small & small) | (~is_small & normal);
  return (u16x16)(short_numbers(out) | (short_numbers(all >> 16) & (int16_t)0x8000));
}
INLINE u16x16 narrow_brain_number(f32x16 value) {
  u32x16 all = (u32x16)value;
  s32x16 rounded = (s32x16)(all + 0x7fff + ((all >> 16) & 1));
  return (u16x16)short_numbers(rounded >> 16);
}

// Rounds and stores elements of which none is NaN.
INLINE void store_numbers(char *raw, sluice_dtype dtype, size_t index, f32x16 value,
                          size_t lanes) {
  if (dtype == SLUICE_F16 || dtype == SLUICE_BF16) {
    u16x16 bits =
        dtype == SLUICE_F16 ? narrow_half_number(value) : narrow_brain_number(value);
    memcpy(raw + 2 * index, &bits, lanes * 2);
  } else {
    store_elements(raw, dtype, index, value, lanes);
  }
}
#endif

// What a magnitude becomes when it is rounded to the element type, as Float32 bits.
INLINE uint32_t rounded_magnitude(uint32_t magnitude, sluice_dtype dtype) {
  f32x16 value = floats_of((s32x16)(int32_t)magnitude);
  switch (dtype) {
    case SLUICE_F16: value = widen_half(narrow_half(value)); break;
    case SLUICE_BF16: value = widen_brain(narrow_brain(value)); break;
    case SLUICE_F32: break;
    case SLUICE_F64: break;
  }
  return (uint32_t)bits_of(value)[0];
}

// Calls `body` with the element type as a constant, so that each gets its own loop.
#define WITH_CONSTANT_DTYPE(dtype, body)  \
  switch (dtype) {                        \
    case SLUICE_F16: return body(SLUICE_F16);   \
    case SLUICE_BF16: return body(SLUICE_BF16); \
    case SLUICE_F32: return body(SLUICE_F32);   \
    case SLUICE_F64: return body(SLUICE_F64);   \
  }                                       \
  return 0
