// Arithmetic in a working type: Float32 operands, one operation, one rounding to the type.
#pragma once

#include "convert.h"
#include "functions.h"

INLINE f32x16 rounded_to(f32x16 value, sluice_dtype dtype) {
  switch (dtype) {
    case SLUICE_F16: return widen_half(narrow_half(value));
    case SLUICE_BF16: return widen_brain(narrow_brain(value));
    case SLUICE_F32: return value;
    case SLUICE_F64: return value;
  }
  return value;
}

INLINE f32x16 step_value(sluice_step step, f32x16 a, f32x16 b, f32x16 out) {
  const f32x16 zero = 0.0f;
  const f32x16 one = 1.0f;
  f32x16 size = floats_of(bits_of(a) & MAGNITUDE);
  switch (step) {
    case SLUICE_STEP_ROUND: return a;
    case SLUICE_STEP_ADD: return a + b;
    case SLUICE_STEP_SUBTRACT: return a - b;
    case SLUICE_STEP_MULTIPLY: return a * b;
    case SLUICE_STEP_DIVIDE: return a / b;
    case SLUICE_STEP_DIVIDE_INTO: return b / a;
    case SLUICE_STEP_FUSED: return __builtin_elementwise_fma(a, b, out);
    case SLUICE_STEP_MAGNITUDE: return size;
    case SLUICE_STEP_AT_LEAST: return a < b ? b : a;
    case SLUICE_STEP_AT_MOST: return a > b ? b : a;
    case SLUICE_STEP_UNLESS_ZERO: return a == zero ? b : a;
    case SLUICE_STEP_ABOVE: return size > b ? a : zero;
    case SLUICE_STEP_IS_ABOVE: return size > b ? one : zero;
    case SLUICE_STEP_REACHES: return a >= b ? one : zero;
    case SLUICE_STEP_AGREES: {
      s32x16 agrees = b >= zero ? (s32x16)(a > zero) : (s32x16)(a < zero);
      return agrees ? one : zero;
    }
    case SLUICE_STEP_EXPONENTIAL: return exponential(a);
    case SLUICE_STEP_LOGARITHM: return logarithm(a);
  }
  return a;
}

// The magnitudes of the first lanes; those behind hold whatever the operation made of nothing.
INLINE s32x16 first_sizes(f32x16 value, size_t lanes) {
  f32x16 first = 0;
  memcpy(&first, &value, lanes * sizeof(float));
  return bits_of(first) & MAGNITUDE;
}

INLINE uint32_t step_as(sluice_step step, sluice_dtype dtype, const float *a, const float *b,
                        float number, float *out, size_t count) {
  s32x16 most = 0;
#define STEP(index, lanes)                                                          \
  f32x16 right = b ? load_floats(b + index, lanes) : (f32x16)number;                \
  f32x16 before = step == SLUICE_STEP_FUSED ? load_floats(out + index, lanes) : right; \
  f32x16 value =                                                                    \
      rounded_to(step_value(step, load_floats(a + index, lanes), right, before), dtype); \
  store_floats(out + index, value, lanes);                                          \
  most = larger(most, lanes == LANES ? bits_of(value) & MAGNITUDE : first_sizes(value, lanes))
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return largest(most);
}

// Each operation and type has a loop of its own.
INLINE uint32_t step_in(sluice_step step, sluice_dtype dtype, const float *a, const float *b,
                        float number, float *out, size_t count) {
  switch (dtype) {
    case SLUICE_F16: return step_as(step, SLUICE_F16, a, b, number, out, count);
    case SLUICE_BF16: return step_as(step, SLUICE_BF16, a, b, number, out, count);
    default: return step_as(step, SLUICE_F32, a, b, number, out, count);
  }
}

#define STEP_CASE(name) \
  case name: return step_in(name, dtype, a, b, number, out, count)
static uint32_t take_step(sluice_step step, sluice_dtype dtype, const float *a, const float *b,
                          float number, float *out, size_t count) {
  switch (step) {
    STEP_CASE(SLUICE_STEP_ROUND);
    STEP_CASE(SLUICE_STEP_ADD);
    STEP_CASE(SLUICE_STEP_SUBTRACT);
    STEP_CASE(SLUICE_STEP_MULTIPLY);
    STEP_CASE(SLUICE_STEP_DIVIDE);
    STEP_CASE(SLUICE_STEP_DIVIDE_INTO);
    STEP_CASE(SLUICE_STEP_FUSED);
    STEP_CASE(SLUICE_STEP_MAGNITUDE);
    STEP_CASE(SLUICE_STEP_AT_LEAST);
    STEP_CASE(SLUICE_STEP_AT_MOST);
    STEP_CASE(SLUICE_STEP_UNLESS_ZERO);
    STEP_CASE(SLUICE_STEP_ABOVE);
    STEP_CASE(SLUICE_STEP_IS_ABOVE);
    STEP_CASE(SLUICE_STEP_REACHES);
    STEP_CASE(SLUICE_STEP_AGREES);
    STEP_CASE(SLUICE_STEP_EXPONENTIAL);
    STEP_CASE(SLUICE_STEP_LOGARITHM);
  }
  return 0;
}
#undef STEP_CASE

// Adds each product to the sum of its number modulo 16; each number itself where there is no second.
static void add_products(const float *a, const float *b, size_t count, double *sums) {
  f64x16 sum;
  memcpy(&sum, sums, sizeof sum);
#define STEP(index, lanes)                                                              \
  f64x16 value = __builtin_convertvector(load_floats(a + index, lanes), f64x16);        \
  if (b) value *= __builtin_convertvector(load_floats(b + index, lanes), f64x16);       \
  sum += value
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  memcpy(sums, &sum, sizeof sum);
}
