// The largest magnitude of a block, and the smallest that is not zero.
//
// SSE2 finds the larger of two floats in one instruction, but not that of two integers. Magnitudes are in the same order as
// either, except that a NaN has no place among floats: a block that has one is looked at again.
#pragma once

#include "vectors.h"

// What the smallest is called where all are zero: more than any magnitude.
#define NO_MAGNITUDE (1u << 31)

#if SLUICE_SSE2_ALONE
typedef struct {
  f32x16 top;
  f32x16 sum;  // is NaN after a NaN, and at times after infinities
} peak;

INLINE void add_to_peak(peak *peak, f32x16 value) {
  f32x16 magnitude = floats_of(bits_of(value) & MAGNITUDE);
  peak->top = magnitude > peak->top ? magnitude : peak->top;
  peak->sum += value;
}

INLINE bool has_met_nan(peak peak) { return __builtin_reduce_or(peak.sum != peak.sum) != 0; }

INLINE uint32_t largest_met(peak peak) { return largest(bits_of(peak.top)); }

// Of magnitudes less one: that of zero is a NaN, over which the other is chosen.
typedef struct {
  f32x16 least;
} trough;

INLINE trough no_trough(void) { return (trough){.least = __builtin_inff()}; }

INLINE void add_to_trough(trough *trough, f32x16 value) {
  f32x16 less = floats_of((bits_of(value) & MAGNITUDE) - 1);
  trough->least = less < trough->least ? less : trough->least;
}

INLINE uint32_t smallest_met(trough trough) {
  uint32_t least = (uint32_t)__builtin_reduce_min(bits_of(trough.least));
  return least == INFINITY_BITS ? NO_MAGNITUDE : least + 1;
}
#else
typedef struct {
  s32x16 top;
} peak;

INLINE void add_to_peak(peak *peak, f32x16 value) {
  peak->top = larger(peak->top, bits_of(value) & MAGNITUDE);
}

// A NaN is a magnitude as all others are.
INLINE bool has_met_nan(peak peak) {
  (void)peak;
  return false;
}

INLINE uint32_t largest_met(peak peak) { return largest(peak.top); }

typedef struct {
  s32x16 bottom;  // 2^31 less the smallest
} trough;

INLINE trough no_trough(void) { return (trough){.bottom = 0}; }

INLINE void add_to_trough(trough *trough, f32x16 value) {
  trough->bottom = larger(trough->bottom, -(bits_of(value) & MAGNITUDE) & MAGNITUDE);
}

INLINE uint32_t smallest_met(trough trough) { return NO_MAGNITUDE - largest(trough.bottom); }
#endif

// The largest of a run, NaNs among them.
INLINE uint32_t largest_of(const float *values, size_t count) {
  s32x16 top = 0;
#define STEP(index, lanes) top = larger(top, bits_of(load_floats(values + index, lanes)) & MAGNITUDE)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return largest(top);
}
