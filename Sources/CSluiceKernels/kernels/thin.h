// Products with thin matrices in Double: a row of `width` numbers for each element of a run.
//
// Every sum has an order of its own, whatever the registers are: over elements from the first on, each
// column by itself; over columns in eight interleaved sums, which are added up in pairs.
#pragma once

#include "vectors.h"

enum { SUMS = 8 };

typedef double f64x8 __attribute__((ext_vector_type(8)));

INLINE f64x8 load_doubles(const double *from, size_t count) {
  f64x8 value = 0;
  memcpy(&value, from, count * sizeof(double));
  return value;
}

// y[c] += factor * x[c]
INLINE void add_row(double factor, const double *restrict x, double *restrict y, size_t width) {
  for (size_t c = 0; c < width; c++) y[c] += factor * x[c];
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
static void thin_add(double factor, const double *x, double *y, size_t count) {
  add_row(factor, x, y, count);
}

// sums += the elements times the matrix.
static void thin_project(const float *values, const double *matrix, size_t count, size_t width,
                         double *sums) {
  for (size_t j = 0; j < count; j++) {
    if (values[j] != 0) add_row((double)values[j], matrix + j * width, sums, width);
  }
}

// The matrix += each element times the weights.
static void thin_spread(const float *values, const double *weights, size_t count, size_t width,
                        double *matrix) {
  for (size_t j = 0; j < count; j++) {
    if (values[j] != 0) add_row((double)values[j], weights, matrix + j * width, width);
  }
}

// The lower half of a square += the products of the rows whose elements are not zero with themselves.
static void thin_gram(const float *values, const double *matrix, size_t count, size_t width,
                      double *square) {
  for (size_t j = 0; j < count; j++) {
    if (values[j] == 0) continue;
    const double *row = matrix + j * width;
    for (size_t c = 0; c < width; c++) add_row(row[c], row, square + c * width, c + 1);
  }
}

// Each element that is not zero += the sum of its row times the weights, rounded once.
static void thin_correct(float *values, const double *matrix, const double *weights, size_t count,
                         size_t width) {
  for (size_t j = 0; j < count; j++) {
    if (values[j] == 0) continue;
    double sum = thin_dot(matrix + j * width, weights, width);
    values[j] = (float)((double)values[j] + sum);
  }
}

// The sum of an element of each run times the run's share, and of its row times the weights, rounded once.
static void thin_blend(const float *const *runs, const double *shares, size_t run_count,
                       size_t first, const double *matrix, const double *weights, size_t count,
                       size_t width, float *out) {
  for (size_t j = 0; j < count; j++) {
    double sum = 0;
    for (size_t run = 0; run < run_count; run++) {
      sum += shares[run] * (double)runs[run][first + j];
    }
    if (width > 0) sum += thin_dot(matrix + j * width, weights, width);
    out[j] = (float)sum;
  }
}
