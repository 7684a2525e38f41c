// How two runs of numbers are alike.
#pragma once

#include "run_products.h"
#include "words.h"

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

// Counts the numbers that are zero in neither of two runs, and those of one sign, word by word.
INLINE void count_shared_signs(comparisons all, const float *const *runs, size_t count,
                               sluice_comparison *out) {
  for (size_t index = 0; index < count; index += WORD) {
    uint64_t set[SLUICE_RUNS], negative[SLUICE_RUNS];
    for (size_t run = 0; run < all.run_count; run++) {
      find_signs(runs[run] + index, &set[run], &negative[run]);
      out[run].both += (uint64_t)__builtin_popcountll(set[run]);
    }
    for (size_t pair = 0; pair < all.pair_count; pair++) {
      const size_t a = all.pairs[pair].first, b = all.pairs[pair].second;
      const uint64_t both = set[a] & set[b];
      out[all.run_count + pair].both += (uint64_t)__builtin_popcountll(both);
      out[all.run_count + pair].same +=
          (uint64_t)__builtin_popcountll(both & ~(negative[a] ^ negative[b]));
    }
  }
}

// What is compared of two models, compiled for itself: the base, what is merged, and the models' deltas; then also what is
// left of these.
static const sluice_pair of_two[] = {{1, 2}, {1, 3}, {2, 3}, {4, 5}};
static const comparisons of_deltas = {of_two, 4, 3}, of_what_is_left = {of_two, 6, 4};

INLINE bool are_alike(comparisons a, comparisons b) {
  return a.run_count == b.run_count && a.pair_count == b.pair_count &&
         memcmp(a.pairs, b.pairs, a.pair_count * sizeof *a.pairs) == 0;
}

static void add_runs(comparisons all, const float *const *runs, size_t count,
                     double sums[][LANES], sluice_comparison *out) {
  if (are_alike(all, of_deltas)) {
    add_products_of_few(of_deltas, runs, count, sums);
    count_shared_signs(of_deltas, runs, count, out);
  } else if (are_alike(all, of_what_is_left)) {
    add_products_of_few(of_what_is_left, runs, count, sums);
    count_shared_signs(of_what_is_left, runs, count, out);
  } else {
    add_products_of_many(all, runs, count, sums);
    count_shared_signs(all, runs, count, out);
  }
}

// A missing number is a zero, which changes no sum.
static void compare_runs(const float *const *runs, size_t run_count, const sluice_pair *pairs,
                         size_t pair_count, size_t count, sluice_comparison *out) {
  const comparisons all = {pairs, run_count, pair_count};
  _Alignas(64) double sums[SLUICE_RUNS + SLUICE_PAIRS][LANES];
  memset(sums, 0, (run_count + pair_count) * sizeof *sums);
  sluice_comparison found[SLUICE_RUNS + SLUICE_PAIRS];
  memset(found, 0, (run_count + pair_count) * sizeof *found);
  const size_t whole = count / WORD * WORD;
  add_runs(all, runs, whole, sums, found);
  if (whole < count) {
    _Alignas(64) float rest[SLUICE_RUNS][WORD];
    const float *rests[SLUICE_RUNS];
    memset(rest, 0, run_count * sizeof *rest);
    for (size_t run = 0; run < run_count; run++) {
      memcpy(rest[run], runs[run] + whole, (count - whole) * sizeof(float));
      rests[run] = rest[run];
    }
    add_runs(all, rests, WORD, sums, found);
  }
  for (size_t place = 0; place < run_count + pair_count; place++) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[place][lane];
    out[place].dot += sum;
    out[place].both += found[place].both;
    out[place].same += place < run_count ? found[place].both : found[place].same;
  }
}
