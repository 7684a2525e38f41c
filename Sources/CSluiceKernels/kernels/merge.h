// One delta from those of several models.
#pragma once

#include "vectors.h"

// Deltas are summed in model order: ((d1 + d2) + d3) and so on.
INLINE f32x16 sum_of(const float *const *deltas, size_t model_count, size_t index, size_t lanes) {
  f32x16 sum = load_floats(deltas[0] + index, lanes);
  for (size_t model = 1; model < model_count; model++) {
    sum += load_floats(deltas[model] + index, lanes);
  }
  return sum;
}

// The sign of the sum is elected, + for a zero sum; the result is the mean of the deltas that
// have it. All deltas are turned by the elected sign, so that only positive ones count.
INLINE f32x16 elected_mean_of(const float *const *deltas, size_t model_count, size_t index,
                              size_t lanes) {
  s32x16 turn = ~(sum_of(deltas, model_count, index, lanes) >= 0.0f) & SIGN;
  f32x16 sum = 0;
  s32x16 agreeing = 0;
  for (size_t model = 0; model < model_count; model++) {
    f32x16 value = floats_of(bits_of(load_floats(deltas[model] + index, lanes)) ^ turn);
    s32x16 agrees = value > 0.0f;
    sum += agrees ? value : 0.0f;
    agreeing -= agrees;
  }
  sum /= __builtin_convertvector(larger(agreeing, 1), f32x16);
  return floats_of(bits_of(sum) ^ turn);
}

// The same for two models: half their sum if both have the elected sign, or else the one that has
// it, or zero. Halving rounds as dividing by 2 does.
INLINE f32x16 elected_mean_of_two(f32x16 a, f32x16 b) {
  f32x16 sum = a + b;
  f32x16 low = a < b ? a : b;
  f32x16 high = a > b ? a : b;
  f32x16 one = sum >= 0.0f ? (high > 0.0f ? high : 0.0f) : low;
  s32x16 unanimous = (low > 0.0f) | (high < 0.0f);
  return unanimous ? sum * 0.5f : one;
}

typedef enum { MERGE_TIES, MERGE_SUM, MERGE_MEAN } merge_rule;

INLINE void merge_by(merge_rule rule, const float *const *deltas, size_t model_count, size_t count,
                     float *out) {
#define STEP(index, lanes)                                                   \
  f32x16 merged =                                                            \
      rule != MERGE_TIES ? sum_of(deltas, model_count, index, lanes)         \
      : model_count == 2 ? elected_mean_of_two(load_floats(deltas[0] + index, lanes),  \
                                               load_floats(deltas[1] + index, lanes))  \
                         : elected_mean_of(deltas, model_count, index, lanes); \
  if (rule == MERGE_MEAN) merged /= (float)model_count;                      \
  store_floats(out + index, merged, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// The usual numbers of models are constants, so that their loops unroll.
INLINE void merge(merge_rule rule, const float *const *deltas, size_t model_count, size_t count,
                  float *out) {
  switch (model_count) {
    case 1: memmove(out, deltas[0], count * sizeof(float)); break;
    case 2: merge_by(rule, (const float *const[2]){deltas[0], deltas[1]}, 2, count, out); break;
    case 3:
      merge_by(rule, (const float *const[3]){deltas[0], deltas[1], deltas[2]}, 3, count, out);
      break;
    default: merge_by(rule, deltas, model_count, count, out); break;
  }
}

static void merge_ties(const float *const *deltas, size_t model_count, size_t count, float *out) {
  merge(MERGE_TIES, deltas, model_count, count, out);
}

static void merge_sum(const float *const *deltas, size_t model_count, size_t count, float *out) {
  merge(MERGE_SUM, deltas, model_count, count, out);
}

static void merge_mean(const float *const *deltas, size_t model_count, size_t count, float *out) {
  merge(MERGE_MEAN, deltas, model_count, count, out);
}
