// How two runs of numbers are alike.
#pragma once

#include "vectors.h"

// Products of Float32 are exact in Double. Each lane adds up its own, then the lanes are added from the
// first to the last: the same bits at every level.
static void compare(const float *a, const float *b, size_t count, sluice_comparison *out) {
  f64x16 sums = 0;
  uint64_t both = 0, same = 0;
#define STEP(index, lanes)                                                                    \
  f32x16 x = load_floats(a + index, lanes), y = load_floats(b + index, lanes);                \
  sums += __builtin_convertvector(x, f64x16) * __builtin_convertvector(y, f64x16);            \
  s32x16 are_set = (x != 0.0f) & (y != 0.0f);                                                 \
  both += (uint64_t)__builtin_popcountll(word_of(are_set));                                   \
  same += (uint64_t)__builtin_popcountll(word_of(are_set & ((bits_of(x) ^ bits_of(y)) >= 0)))
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  double sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += sums[lane];
  *out = (sluice_comparison){sum, both, same};
}

// 64 numbers of a run: as Doubles, which are not zero, and which have a sign.
typedef struct {
  _Alignas(64) double values[WORD];
  uint64_t set, negative;
} widened;

// Adds the squares to a sum.
INLINE void widen_word(const float *from, size_t count, widened *to, f64x16 *squares) {
  s32x16 set[WORD / LANES], negative[WORD / LANES];
  f64x16 sum = *squares;
  for (size_t part = 0; part < WORD / LANES; part++) {
    size_t start = part * LANES, rest = count > start ? count - start : 0;
    f32x16 x = load_floats(from + start, rest < LANES ? rest : LANES);
    f64x16 wide = __builtin_convertvector(x, f64x16);
    memcpy(to->values + start, &wide, sizeof wide);
    sum += wide * wide;
    set[part] = x != 0.0f;
    negative[part] = bits_of(x) < 0;
  }
  *squares = sum;
  to->set = whole_word_of(set);
  to->negative = whole_word_of(negative);
}

INLINE f64x16 add_word_products(f64x16 sum, const widened *a, const widened *b) {
  for (size_t start = 0; start < WORD; start += LANES) {
    f64x16 x, y;
    memcpy(&x, a->values + start, sizeof x);
    memcpy(&y, b->values + start, sizeof y);
    sum += x * y;
  }
  return sum;
}

// Each run is widened once, and meets itself on the way. A missing number is a zero, which changes no sum.
static void compare_runs(const float *const *runs, size_t run_count, const sluice_pair *pairs,
                         size_t pair_count, size_t count, sluice_comparison *out) {
  f64x16 sums[SLUICE_RUNS + SLUICE_PAIRS];
  widened words[SLUICE_RUNS];
  memset(sums, 0, (run_count + pair_count) * sizeof *sums);
  for (size_t index = 0; index < count; index += WORD) {
    for (size_t run = 0; run < run_count; run++) {
      if (count - index >= WORD) {
        widen_word(runs[run] + index, WORD, &words[run], &sums[run]);
      } else {
        widen_word(runs[run] + index, count - index, &words[run], &sums[run]);
      }
      uint64_t set = (uint64_t)__builtin_popcountll(words[run].set);
      out[run].both += set;
      out[run].same += set;
    }
    for (size_t pair = 0; pair < pair_count; pair++) {
      const widened *a = &words[pairs[pair].first], *b = &words[pairs[pair].second];
      sums[run_count + pair] = add_word_products(sums[run_count + pair], a, b);
      uint64_t both = a->set & b->set;
      out[run_count + pair].both += (uint64_t)__builtin_popcountll(both);
      out[run_count + pair].same +=
          (uint64_t)__builtin_popcountll(both & ~(a->negative ^ b->negative));
    }
  }
  for (size_t place = 0; place < run_count + pair_count; place++) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[place][lane];
    out[place].dot += sum;
  }
}
