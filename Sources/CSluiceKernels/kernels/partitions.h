// What happens to the elements that a cut keeps.
#pragma once

#include "vectors.h"

// The keep bits of 16 elements, as lanes of all ones or all zeros.
INLINE s32x16 kept_lanes(const uint64_t *keep, size_t index) {
  return lanes_of(keep[index / WORD] >> (index % WORD));
}

static void apply_mask(float *values, size_t count, const uint64_t *keep) {
#define STEP(index, lanes)                                                             \
  s32x16 value = bits_of(load_floats(values + index, lanes)) & kept_lanes(keep, index); \
  store_floats(values + index, floats_of(value), lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// What becomes of the elements that no partition holds.
typedef enum { REST_STAYS, REST_IS_ZERO } rest_rule;

// Later partitions first, so that the first one that holds the element has the last word.
INLINE void amplify_by(rest_rule rest, float *values, size_t count,
                       const uint64_t *const *partitions, const float *factors,
                       size_t partition_count) {
#define STEP(index, lanes)                                              \
  f32x16 value = load_floats(values + index, lanes);                    \
  f32x16 out = rest == REST_STAYS ? value : (f32x16)0;                  \
  for (size_t part = partition_count; part-- > 0;) {                    \
    f32x16 product = factors[part] * value;                             \
    out = kept_lanes(partitions[part], index) ? product : out;          \
  }                                                                     \
  store_floats(values + index, out, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// The usual numbers of partitions are constants, so that their loops unroll.
INLINE void amplify_with(rest_rule rest, float *values, size_t count,
                         const uint64_t *const *partitions, const float *factors,
                         size_t partition_count) {
  switch (partition_count) {
    case 1: amplify_by(rest, values, count, partitions, factors, 1); break;
    case 2: amplify_by(rest, values, count, partitions, factors, 2); break;
    default: amplify_by(rest, values, count, partitions, factors, partition_count); break;
  }
}

static void amplify(float *values, size_t count, const uint64_t *const *partitions,
                    const float *factors, size_t partition_count) {
  amplify_with(REST_STAYS, values, count, partitions, factors, partition_count);
}

static void prune(float *values, size_t count, const uint64_t *const *partitions,
                  const float *factors, size_t partition_count) {
  amplify_with(REST_IS_ZERO, values, count, partitions, factors, partition_count);
}

static void scale(float *values, size_t count, float factor) {
#define STEP(index, lanes) \
  store_floats(values + index, factor * load_floats(values + index, lanes), lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}
