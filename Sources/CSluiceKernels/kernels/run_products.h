// Sums of squares and of products of runs, in one order: each lane adds up its own.
#pragma once

#include "vectors.h"

// Adds products, which are exact: so it makes no difference whether they are rounded before they are added.
#if SLUICE_FUSED_PRODUCTS
#define ADD_PRODUCTS(sum, a, b) __builtin_elementwise_fma(a, b, sum)
#else
#define ADD_PRODUCTS(sum, a, b) ((sum) + (a) * (b))
#endif

// As many lanes of sums as a register holds.
enum { SUMMED = SLUICE_SPLIT_VECTORS ? 4 : 8 };
typedef float f32xs __attribute__((ext_vector_type(SUMMED)));
typedef double f64xs __attribute__((ext_vector_type(SUMMED)));

// Runs that are compared, and the pairs of them.
typedef struct {
  const sluice_pair *pairs;
  size_t run_count, pair_count;
} comparisons;

// Adds up the squares of few runs and the products of pairs, in whole vectors. The sums of some lanes of all of them come
// after those of others: so they stay in registers.
INLINE void add_products_of_few(comparisons all, const float *const *runs, size_t count,
                                 double sums[][LANES]) {
  for (size_t lane = 0; lane < LANES; lane += SUMMED) {
    f64xs squares[SLUICE_RUNS], products[SLUICE_PAIRS];
    for (size_t run = 0; run < all.run_count; run++) {
      memcpy(&squares[run], sums[run] + lane, sizeof *squares);
    }
    for (size_t pair = 0; pair < all.pair_count; pair++) {
      memcpy(&products[pair], sums[all.run_count + pair] + lane, sizeof *products);
    }
    for (size_t index = lane; index < count; index += LANES) {
      f64xs wide[SLUICE_RUNS];
      for (size_t run = 0; run < all.run_count; run++) {
        f32xs values;
        memcpy(&values, runs[run] + index, sizeof values);
        wide[run] = __builtin_convertvector(values, f64xs);
        squares[run] = ADD_PRODUCTS(squares[run], wide[run], wide[run]);
      }
      for (size_t pair = 0; pair < all.pair_count; pair++) {
        products[pair] = ADD_PRODUCTS(products[pair], wide[all.pairs[pair].first],
                                      wide[all.pairs[pair].second]);
      }
    }
    for (size_t run = 0; run < all.run_count; run++) {
      memcpy(sums[run] + lane, &squares[run], sizeof *squares);
    }
    for (size_t pair = 0; pair < all.pair_count; pair++) {
      memcpy(sums[all.run_count + pair] + lane, &products[pair], sizeof *products);
    }
  }
}

// So many numbers of each run are widened before they meet those of others: all of them stay in the nearest cache.
enum { WIDENED = 256 };

// The same of any number of runs.
INLINE void add_products_of_many(comparisons all, const float *const *runs, size_t count,
                                 double sums[][LANES]) {
  _Alignas(64) double wide[SLUICE_RUNS][WIDENED];
  for (size_t start = 0; start < count; start += WIDENED) {
    const size_t length = count - start < WIDENED ? count - start : WIDENED;
    for (size_t place = 0; place < all.run_count + all.pair_count; place++) {
      f64x16 sum;
      memcpy(&sum, sums[place], sizeof sum);
      if (place < all.run_count) {
        for (size_t index = 0; index < length; index += LANES) {
          const f64x16 values = __builtin_convertvector(
              load_floats(runs[place] + start + index, LANES), f64x16);
          memcpy(wide[place] + index, &values, sizeof values);
          sum = ADD_PRODUCTS(sum, values, values);
        }
      } else {
        const sluice_pair pair = all.pairs[place - all.run_count];
        for (size_t index = 0; index < length; index += LANES) {
          f64x16 a, b;
          memcpy(&a, wide[pair.first] + index, sizeof a);
          memcpy(&b, wide[pair.second] + index, sizeof b);
          sum = ADD_PRODUCTS(sum, a, b);
        }
      }
      memcpy(sums[place], &sum, sizeof sum);
    }
  }
}
