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

// Rows that are worked on together: what is loaded of a matrix is used for each.
enum { ROWS = 4 };

// Some columns of sums += the elements of some rows times the matrix, each sum over elements in order.
INLINE void project_columns(const float *values, size_t stride, const double *matrix, size_t count,
                            size_t width, double *sums, size_t rows, size_t lanes) {
  f64x8 all[ROWS];
  for (size_t i = 0; i < rows; i++) all[i] = load_doubles(sums + i * width, lanes);
  for (size_t j = 0; j < count; j++) {
    f64x8 numbers = load_doubles(matrix + j * width, lanes);
    for (size_t i = 0; i < rows; i++) all[i] += (double)values[i * stride + j] * numbers;
  }
  for (size_t i = 0; i < rows; i++) memcpy(sums + i * width, &all[i], lanes * sizeof(double));
}

INLINE void project_rows(const float *values, size_t stride, const double *matrix, size_t count,
                         size_t width, double *sums, size_t rows) {
  size_t column = 0;
  for (; column + SUMS <= width; column += SUMS) {
    project_columns(values, stride, matrix + column, count, width, sums + column, rows, SUMS);
  }
  if (column < width) {
    project_columns(values, stride, matrix + column, count, width, sums + column, rows,
                    width - column);
  }
}

// The sums of each row += the row's elements times the matrix.
static void thin_project(const float *values, size_t stride, size_t row_count,
                         const double *matrix, size_t count, size_t width, double *sums) {
  size_t row = 0;
  for (; row + ROWS <= row_count; row += ROWS) {
    project_rows(values + row * stride, stride, matrix, count, width, sums + row * width, ROWS);
  }
  for (; row < row_count; row++) {
    project_rows(values + row * stride, stride, matrix, count, width, sums + row * width, 1);
  }
}

// Some columns of the matrix += the elements of some rows times the rows' weights, row after row.
INLINE void spread_columns(const float *values, size_t stride, const double *weights, size_t count,
                           size_t width, double *matrix, size_t rows, size_t lanes) {
  f64x8 own[ROWS];
  for (size_t i = 0; i < rows; i++) own[i] = load_doubles(weights + i * width, lanes);
  for (size_t j = 0; j < count; j++) {
    f64x8 numbers = load_doubles(matrix + j * width, lanes);
    for (size_t i = 0; i < rows; i++) numbers += (double)values[i * stride + j] * own[i];
    memcpy(matrix + j * width, &numbers, lanes * sizeof(double));
  }
}

INLINE void spread_rows(const float *values, size_t stride, const double *weights, size_t count,
                        size_t width, double *matrix, size_t rows) {
  size_t column = 0;
  for (; column + SUMS <= width; column += SUMS) {
    spread_columns(values, stride, weights + column, count, width, matrix + column, rows, SUMS);
  }
  if (column < width) {
    spread_columns(values, stride, weights + column, count, width, matrix + column, rows,
                   width - column);
  }
}

// The matrix += the elements of each row times the row's weights.
static void thin_spread(const float *values, size_t stride, size_t row_count,
                        const double *weights, size_t count, size_t width, double *matrix) {
  size_t row = 0;
  for (; row + ROWS <= row_count; row += ROWS) {
    spread_rows(values + row * stride, stride, weights + row * width, count, width, matrix, ROWS);
  }
  for (; row < row_count; row++) {
    spread_rows(values + row * stride, stride, weights + row * width, count, width, matrix, 1);
  }
}

// Some columns of a row of a square += the products of some rows with one of their numbers each.
INLINE void gram_columns(const double *const *rows, size_t row_count, size_t number, size_t column,
                         double *square, size_t lanes) {
  f64x8 sums = load_doubles(square + column, lanes);
  for (size_t i = 0; i < row_count; i++) {
    sums += rows[i][number] * load_doubles(rows[i] + column, lanes);
  }
  memcpy(square + column, &sums, lanes * sizeof(double));
}

// The lower half of a square += the products of some rows with themselves; what is above gets some, too.
INLINE void gram_rows(const double *const *rows, size_t row_count, size_t width, double *square) {
  for (size_t c = 0; c < width; c++) {
    for (size_t column = 0; column <= c; column += SUMS) {
      if (column + SUMS <= width) {
        gram_columns(rows, row_count, c, column, square + c * width, SUMS);
      } else {
        gram_columns(rows, row_count, c, column, square + c * width, width - column);
      }
    }
  }
}

// The lower half of a square += the products of the rows whose elements are not zero with themselves.
static void thin_gram(const float *values, const double *matrix, size_t count, size_t width,
                      double *square) {
  const double *rows[ROWS];
  size_t found = 0;
  for (size_t j = 0; j < count; j++) {
    if (values[j] == 0) continue;
    rows[found++] = matrix + j * width;
    if (found == ROWS) {
      gram_rows(rows, ROWS, width, square);
      found = 0;
    }
  }
  for (size_t i = 0; i < found; i++) gram_rows(rows + i, 1, width, square);
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
