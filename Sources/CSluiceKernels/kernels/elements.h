// From tensor bytes to deltas, and from merged deltas to tensor bytes.
#pragma once

#include "convert.h"

INLINE uint32_t widen_as(sluice_dtype dtype, const char *raw, float *out, size_t count) {
  s32x16 top = 0;
#define STEP(index, lanes)                                           \
  f32x16 value = load_elements(raw, dtype, index, lanes);            \
  top = larger(top, bits_of(value) & MAGNITUDE);                     \
  store_floats(out + index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return largest(top);
}

static uint32_t widen(const void *raw, sluice_dtype dtype, float *out, size_t count) {
#define BODY(constant) widen_as(constant, raw, out, count)
  WITH_CONSTANT_DTYPE(dtype, BODY);
#undef BODY
}

INLINE uint32_t difference_as(sluice_dtype dtype, const char *raw, sluice_dtype base_dtype,
                              const char *base, float *out, size_t count) {
  s32x16 top = 0;
#define STEP(index, lanes)                                                       \
  f32x16 value = load_difference(raw, dtype, base, base_dtype, index, lanes);    \
  top = larger(top, bits_of(value) & MAGNITUDE);                                 \
  store_floats(out + index, value, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return largest(top);
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

// Rounding keeps the order of magnitudes, so the largest one is rounded once, at the end.
INLINE uint32_t finish_as(sluice_dtype dtype, const float *base, const float *merged, float scale,
                          char *raw, size_t count) {
  s32x16 top = 0;
#define STEP(index, lanes)                                        \
  f32x16 product = scale * load_floats(merged + index, lanes);    \
  f32x16 value = load_floats(base + index, lanes) + product;      \
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
