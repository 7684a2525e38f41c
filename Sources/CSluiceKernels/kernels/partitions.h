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
#define STEP(index, lanes)                                                          \
  f32x16 value = load_floats(values + index, lanes);                                \
  s32x16 held = 0;                                                                  \
  f32x16 factor = partition_count > 0 ? factors[partition_count - 1] : 0;           \
  for (size_t part = partition_count; part-- > 0;) {                                \
    s32x16 kept = kept_lanes(partitions[part], index);                              \
    if (part + 1 < partition_count) factor = chosen(kept, factors[part], factor);   \
    held |= kept;                                                                   \
  }                                                                                 \
  f32x16 product = factor * value;                                                  \
  store_floats(values + index, chosen(held, product, rest == REST_STAYS ? value : (f32x16)0), lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// The usual numbers of partitions are constants, so that their loops unroll; what stores could seem to change is copied.
INLINE void amplify_with(rest_rule rest, float *values, size_t count,
                         const uint64_t *const *partitions, const float *factors,
                         size_t partition_count) {
  switch (partition_count) {
    case 1: {
      const uint64_t *const copies[1] = {partitions[0]};
      const float copied[1] = {factors[0]};
      amplify_by(rest, values, count, copies, copied, 1);
      break;
    }
    case 2: {
      const uint64_t *const copies[2] = {partitions[0], partitions[1]};
      const float copied[2] = {factors[0], factors[1]};
      amplify_by(rest, values, count, copies, copied, 2);
      break;
    }
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
