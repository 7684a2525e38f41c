// From tensor bytes to deltas, and from merged deltas to tensor bytes.
#pragma once

#include "convert.h"
#include "peaks.h"

INLINE uint32_t widen_as(sluice_dtype dtype, const char *raw, float *out, size_t count) {
  peak peak = {0};
#define STEP(index, lanes)                                           \
  f32x16 value = load_elements(raw, dtype, index, lanes);            \
  add_to_peak(&peak, value);                                         \
  store_floats(out + index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return has_met_nan(peak) ? largest_of(out, count) : largest_met(peak);
}

// The upper halves of magnitudes are in the order of magnitudes, and SSE2 finds the larger of those.
INLINE uint32_t widen_brains(const char *raw, float *out, size_t count) {
  s16x16 top = 0;
#define STEP(index, lanes)                                                \
  u16x16 bits = 0;                                                        \
  memcpy(&bits, raw + 2 * (index), (lanes)*2);                            \
  top = __builtin_elementwise_max(top, (s16x16)bits & (int16_t)0x7fff);   \
  store_floats(out + index, widen_brain(bits), lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return (uint32_t)__builtin_reduce_max(top) << 16;
}

static uint32_t widen(const void *raw, sluice_dtype dtype, float *out, size_t count) {
#define BODY(constant)                                                                       \
  (SLUICE_SSE2_ALONE && (constant) == SLUICE_BF16 ? widen_brains(raw, out, count)             \
                                                  : widen_as(constant, raw, out, count))
  WITH_CONSTANT_DTYPE(dtype, BODY);
#undef BODY
}

INLINE uint32_t difference_as(sluice_dtype dtype, const char *raw, sluice_dtype base_dtype,
                              const char *base, float *out, size_t count) {
  peak peak = {0};
#define STEP(index, lanes)                                                       \
  f32x16 value = load_difference(raw, dtype, base, base_dtype, index, lanes);    \
  add_to_peak(&peak, value);                                                     \
  store_floats(out + index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return has_met_nan(peak) ? largest_of(out, count) : largest_met(peak);
}

static uint32_t delta(const void *raw, sluice_dtype dtype, const float *base, float *out,
                      size_t count) {
#define BODY(constant) difference_as(constant, raw, SLUICE_F32, (const char *)base, out, count)
  WITH_CONSTANT_DTYPE(dtype, BODY);
#undef BODY
}

static uint32_t difference(const void *raw, const void *base, sluice_dtype dtype, float *out,
                           size_t count) {
#define BODY(constant) difference_as(constant, raw, constant, base, out, count)
  WITH_CONSTANT_DTYPE(dtype, BODY);
#undef BODY
}

// The results of 16 elements before they are rounded.
INLINE f32x16 finished(const float *base, const float *merged, float scale, size_t index,
                       size_t lanes) {
  f32x16 product = scale * load_floats(merged + index, lanes);
  return load_floats(base + index, lanes) + product;
}

// Has the cache lines that follow a block fetched to be written. In most cases the next block goes there; a buffer comes
// back from the writer in no near cache, and stores that wait for their lines hold up all that comes after them.
INLINE void claim_following(const char *raw, sluice_dtype dtype, size_t index, size_t count) {
  const size_t width = dtype == SLUICE_F64 ? 8 : dtype == SLUICE_F32 ? 4 : 2;
  if (index % (64 / width) == 0) __builtin_prefetch(raw + (index + count) * width, 1);
}

// Rounding keeps the order of magnitudes, so the largest one is rounded once, at the end.
INLINE uint32_t finish_as(sluice_dtype dtype, const float *base, const float *merged, float scale,
                          char *raw, size_t count) {
#if SLUICE_SSE2_ALONE
  // A NaN is rounded in another way, and seldom: then all is done once more.
  peak peak = {0};
#define STEP(index, lanes)                                        \
  claim_following(raw, dtype, index, count);                      \
  f32x16 value = finished(base, merged, scale, index, lanes);     \
  add_to_peak(&peak, value);                                      \
  store_numbers(raw, dtype, index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  if (!has_met_nan(peak)) return rounded_magnitude(largest_met(peak), dtype);
#endif
  s32x16 top = 0;
#define STEP(index, lanes)                                        \
  claim_following(raw, dtype, index, count);                      \
  f32x16 value = finished(base, merged, scale, index, lanes);     \
  top = larger(top, bits_of(value) & MAGNITUDE);                  \
  store_elements(raw, dtype, index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return rounded_magnitude(largest(top), dtype);
}

static uint32_t finish(const float *base, const float *merged, float scale, void *raw,
                       sluice_dtype dtype, size_t count) {
#define BODY(constant) finish_as(constant, base, merged, scale, raw, count)
  WITH_CONSTANT_DTYPE(dtype, BODY);
#undef BODY
}
