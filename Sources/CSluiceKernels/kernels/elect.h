// One delta from those of several models by electing a sign, with everything that can be chosen.
#pragma once

#include "merge.h"

// The sign bit to turn deltas by, so that those with the elected sign are positive; and the lanes
// in which nothing is elected.
INLINE s32x16 elected_turn(f32x16 sum, sluice_zero_sign zero, s32x16 *none) {
  s32x16 is_zero = sum == 0.0f;
  s32x16 is_negative = sum < 0.0f;
  if (zero == SLUICE_ZERO_NEGATIVE) is_negative |= is_zero;
  *none = zero == SLUICE_ZERO_DROPS ? is_zero : (s32x16)0;
  return is_negative & SIGN;
}

INLINE f32x16 elected_of(const float *const *deltas, const float *weights, size_t model_count,
                         sluice_zero_sign zero, sluice_aggregation aggregation, size_t index,
                         size_t lanes) {
  s32x16 none;
  s32x16 turn = elected_turn(sum_of(deltas, model_count, index, lanes), zero, &none);
  f32x16 sum = 0, divisor = 0;
  for (size_t model = 0; model < model_count; model++) {
    f32x16 value = load_floats(deltas[model] + index, lanes);
    s32x16 agrees = (floats_of(bits_of(value) ^ turn) > 0.0f) & ~none;
    f32x16 term = aggregation == SLUICE_SCALED_SUM ? weights[model] * value : value;
    sum += agrees ? term : 0.0f;
    if (aggregation == SLUICE_MEAN) divisor += agrees ? 1.0f : 0.0f;
    if (aggregation == SLUICE_WEIGHTED_MEAN) divisor += agrees ? weights[model] : 0.0f;
  }
  if (aggregation == SLUICE_SUM || aggregation == SLUICE_SCALED_SUM) return sum;
  return sum / (divisor == 0.0f ? 1.0f : divisor);
}

INLINE void elect_by(const float *const *deltas, const float *weights, size_t model_count,
                     sluice_zero_sign zero, sluice_aggregation aggregation, size_t count,
                     float *out) {
#define STEP(index, lanes)                                                                   \
  f32x16 merged =                                                                            \
      elected_of(deltas, weights, model_count, zero, aggregation, index, lanes);             \
  store_floats(out + index, merged, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

static void merge_elected(const float *const *deltas, const float *weights, size_t model_count,
                          sluice_zero_sign zero, sluice_aggregation aggregation, size_t count,
                          float *out) {
#define BODY(constant) elect_by(deltas, weights, model_count, zero, constant, count, out)
  switch (aggregation) {
    case SLUICE_MEAN: BODY(SLUICE_MEAN); break;
    case SLUICE_SUM: BODY(SLUICE_SUM); break;
    case SLUICE_WEIGHTED_MEAN: BODY(SLUICE_WEIGHTED_MEAN); break;
    case SLUICE_SCALED_SUM: BODY(SLUICE_SCALED_SUM); break;
  }
#undef BODY
}

// How many more sums are positive than negative.
static int64_t count_signs(const float *const *deltas, size_t model_count, size_t count) {
  int64_t majority = 0;
#define STEP(index, lanes)                                          \
  f32x16 sum = sum_of(deltas, model_count, index, lanes);           \
  majority += __builtin_popcountll(word_of(sum > 0.0f));            \
  majority -= __builtin_popcountll(word_of(sum < 0.0f))
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  return majority;
}
