// Small algebra in Double, and sums of runs.
//
// Every sum has an order of its own, whatever the registers are. Thin matrices in Double have a row of `width` numbers
// for each element of a run.
#pragma once

#include "vectors.h"

enum { SUMS = 8 };

typedef double f64x8 __attribute__((ext_vector_type(8)));

INLINE f64x8 load_doubles(const double *from, size_t count) {
  f64x8 value = 0;
  memcpy(&value, from, count * sizeof(double));
  return value;
}

INLINE double total_of(f64x8 sums) {
  double a = sums[0] + sums[4], b = sums[1] + sums[5];
  double c = sums[2] + sums[6], d = sums[3] + sums[7];
  return (a + c) + (b + d);
}

// The sum of products of two runs.
static double thin_dot(const double *a, const double *b, size_t count) {
  f64x8 sums = 0;
  size_t index = 0;
  for (; index + SUMS <= count; index += SUMS) {
    sums += load_doubles(a + index, SUMS) * load_doubles(b + index, SUMS);
  }
  if (index < count) {
    sums += load_doubles(a + index, count - index) * load_doubles(b + index, count - index);
  }
  return total_of(sums);
}

// y += factor * x
static void thin_add(double factor, const double *restrict x, double *restrict y, size_t count) {
  for (size_t c = 0; c < count; c++) y[c] += factor * x[c];
}

// Replaces the lower half of a square by its Cholesky factor. What an element loses, it loses in the order of columns,
// as if each were made by itself; rows of the transposed factor, in the upper half, are what vectors go along.
static void thin_factorise(double *square, size_t width, double least_share, double *diagonal) {
  for (size_t i = 0; i < width; i++) {
    diagonal[i] = square[i * width + i];
    for (size_t j = i + 1; j < width; j++) square[i * width + j] = square[j * width + i];
  }
  for (size_t k = 0; k < width; k++) {
    double *restrict own = square + k * width;
    const double pivot = own[k] > least_share * diagonal[k] ? __builtin_elementwise_sqrt(own[k])
                                                            : __builtin_inf();
    own[k] = pivot;
    for (size_t j = k + 1; j < width; j++) own[j] /= pivot;
    for (size_t i = k + 1; i < width; i++) {
      double *restrict row = square + i * width;
      const double factor = own[i];
      for (size_t j = i; j < width; j++) row[j] -= factor * own[j];
    }
  }
  for (size_t i = 0; i < width; i++) {
    for (size_t j = 0; j < i; j++) square[i * width + j] = square[j * width + i];
  }
}

// Each element that is not zero += another.
static void thin_correct(float *values, const float *added, size_t count) {
#define STEP(index, lanes)                                                          \
  do {                                                                              \
    f32x16 value = load_floats(values + index, lanes);                              \
    f32x16 sum = value + load_floats(added + index, lanes);                         \
    s32x16 is_zero = value == 0;                                                    \
    store_floats(values + index, floats_of((is_zero & bits_of(value)) | (~is_zero & bits_of(sum))), \
                 lanes);                                                            \
  } while (0)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// The sum of an element of each run times the run's share, and of what is there, rounded once.
static void thin_blend(const float *const *runs, const double *shares, size_t run_count,
                       size_t first, size_t count, float *out, bool continues) {
#define STEP(index, lanes)                                                                     \
  do {                                                                                         \
    f64x16 sum = 0;                                                                            \
    for (size_t run = 0; run < run_count; run++) {                                             \
      sum += shares[run] *                                                                     \
             __builtin_convertvector(load_floats(runs[run] + first + index, lanes), f64x16);   \
    }                                                                                          \
    if (continues) sum += __builtin_convertvector(load_floats(out + index, lanes), f64x16);    \
    store_floats(out + index, __builtin_convertvector(sum, f32x16), lanes);                    \
  } while (0)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}
