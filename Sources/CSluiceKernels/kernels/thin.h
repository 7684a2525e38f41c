// Products with thin matrices.
//
// Every sum has an order of its own, whatever the registers are. Matrices in Float32 lie in panels, as those of
// product.h; those in Double have a row of `width` numbers for each element of a run.
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

// Elements whose products are added up in Float32.
enum { RUN = 512 };

// The total of sixteen sums: halves are added to each other.
INLINE float total_of_lanes(f32x16 sums) {
  float all[LANES];
  memcpy(all, &sums, sizeof all);
  for (size_t half = LANES / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; i++) all[i] += all[i + half];
  }
  return all[0];
}

typedef struct {
  f32x16 sums[SLUICE_TILE_ROWS][SLUICE_TILE_DIRECTIONS];
} project_sums;

// Adds the products of one vector of each of some rows with that of some directions.
INLINE void project_step(project_sums *all, const float *values, size_t stride, const float *panel,
                         size_t rows, size_t directions, size_t lanes) {
  f32x16 own[SLUICE_TILE_ROWS];
  for (size_t i = 0; i < rows; i++) own[i] = load_floats(values + i * stride, lanes);
  for (size_t c = 0; c < directions; c++) {
    f32x16 other = load_floats(panel + c * SLUICE_PANEL_COLUMNS, LANES);
    for (size_t i = 0; i < rows; i++) all->sums[i][c] += own[i] * other;
  }
}

// Where a vector of the first direction lies.
INLINE const float *panel_at(const float *panels, size_t width, size_t index) {
  return panels + index / SLUICE_PANEL_COLUMNS * width * SLUICE_PANEL_COLUMNS +
         index % SLUICE_PANEL_COLUMNS;
}

// The sums of products of some rows with some directions: in a run sixteen interleaved sums in Float32, the
// totals of runs in Double.
INLINE void project_tile(const float *values, size_t stride, const float *panels, size_t count,
                         size_t width, double *sums, size_t rows, size_t directions) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t c = 0; c < directions; c++) sums[i * width + c] = 0;
  }
  for (size_t first = 0; first < count; first += RUN) {
    const size_t end = count - first < RUN ? count : first + RUN;
    project_sums all;
    for (size_t i = 0; i < rows; i++) {
      for (size_t c = 0; c < directions; c++) all.sums[i][c] = 0;
    }
    size_t index = first;
    for (; index + LANES <= end; index += LANES) {
      project_step(&all, values + index, stride, panel_at(panels, width, index), rows, directions,
                   LANES);
    }
    if (index < end) {
      project_step(&all, values + index, stride, panel_at(panels, width, index), rows, directions,
                   end - index);
    }
    for (size_t i = 0; i < rows; i++) {
      for (size_t c = 0; c < directions; c++) {
        sums[i * width + c] += (double)total_of_lanes(all.sums[i][c]);
      }
    }
  }
}

INLINE void project_rows(const float *values, size_t stride, const float *panels, size_t count,
                         size_t width, size_t direction_count, double *sums, size_t rows) {
  size_t c = 0;
  for (; c + SLUICE_TILE_DIRECTIONS <= direction_count; c += SLUICE_TILE_DIRECTIONS) {
    project_tile(values, stride, panels + c * SLUICE_PANEL_COLUMNS, count, width, sums + c, rows,
                 SLUICE_TILE_DIRECTIONS);
  }
  // What is left goes in pieces, too: a sum by itself waits for itself at each step.
  if (SLUICE_TILE_DIRECTIONS > 4 && c + 4 <= direction_count) {
    project_tile(values, stride, panels + c * SLUICE_PANEL_COLUMNS, count, width, sums + c, rows, 4);
    c += 4;
  }
  for (; c + 2 <= direction_count; c += 2) {
    project_tile(values, stride, panels + c * SLUICE_PANEL_COLUMNS, count, width, sums + c, rows, 2);
  }
  if (c < direction_count) {
    project_tile(values, stride, panels + c * SLUICE_PANEL_COLUMNS, count, width, sums + c, rows, 1);
  }
}

// The sums of products of each row with each of the first directions.
static void thin_project(const float *values, size_t stride, size_t row_count, const float *panels,
                         size_t count, size_t width, size_t direction_count, double *sums) {
  size_t row = 0;
  for (; row + SLUICE_TILE_ROWS <= row_count; row += SLUICE_TILE_ROWS) {
    project_rows(values + row * stride, stride, panels, count, width, direction_count,
                 sums + row * width, SLUICE_TILE_ROWS);
  }
  for (; row < row_count; row++) {
    project_rows(values + row * stride, stride, panels, count, width, direction_count,
                 sums + row * width, 1);
  }
}

// Rows of a square that are worked on together, and rows of a matrix that are looked for at a time.
enum { GRAM_ROWS = 2 * SLUICE_TILE_ROWS, FOUND = 256 };

// Some columns of some rows of a square += the products of rows of a matrix, one after the other, with their own
// numbers of the square's rows.
INLINE void gram_tile(const double *const *found, size_t found_count, size_t number, size_t column,
                      double *square, size_t width, size_t rows, size_t lanes) {
  f64x8 sums[GRAM_ROWS];
  for (size_t i = 0; i < rows; i++) sums[i] = load_doubles(square + i * width + column, lanes);
  for (size_t j = 0; j < found_count; j++) {
    f64x8 numbers = load_doubles(found[j] + column, lanes);
    for (size_t i = 0; i < rows; i++) sums[i] += found[j][number + i] * numbers;
  }
  for (size_t i = 0; i < rows; i++) {
    memcpy(square + i * width + column, &sums[i], lanes * sizeof(double));
  }
}

INLINE void gram_rows(const double *const *found, size_t found_count, size_t number, double *square,
                      size_t width, size_t rows, size_t columns) {
  for (size_t column = 0; column < columns; column += SUMS) {
    if (column + SUMS <= width) {
      gram_tile(found, found_count, number, column, square + number * width, width, rows, SUMS);
    } else {
      gram_tile(found, found_count, number, column, square + number * width, width, rows,
                width - column);
    }
  }
}

// Of SUMS numbers, each meets itself and those up to half of them further on, and so every other one once at least.
enum { TURNS = SUMS / 2 + 1 };

INLINE f64x8 turned(f64x8 x, size_t turn) {
  switch (turn) {
    case 0: return x;
    case 1: return __builtin_shufflevector(x, x, 1, 2, 3, 4, 5, 6, 7, 0);
    case 2: return __builtin_shufflevector(x, x, 2, 3, 4, 5, 6, 7, 0, 1);
    case 3: return __builtin_shufflevector(x, x, 3, 4, 5, 6, 7, 0, 1, 2);
    default: return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
  }
}

// Where in a square the sum of the products of a number with another of the same SUMS lies.
INLINE size_t met_at(size_t number, size_t lane, size_t turn, size_t width) {
  size_t other = (lane + turn) % SUMS;
  size_t row = lane > other ? lane : other, column = lane > other ? other : lane;
  return (number + row) * width + number + column;
}

// A piece of the lower half that lies on the diagonal.
INLINE void gram_diagonal(const double *const *found, size_t found_count, size_t number,
                          double *square, size_t width) {
  f64x8 sums[TURNS];
  for (size_t turn = 0; turn < TURNS; turn++) {
    for (size_t lane = 0; lane < SUMS; lane++) {
      sums[turn][lane] = square[met_at(number, lane, turn, width)];
    }
  }
  for (size_t j = 0; j < found_count; j++) {
    f64x8 numbers = load_doubles(found[j] + number, SUMS);
    for (size_t turn = 0; turn < TURNS; turn++) sums[turn] += numbers * turned(numbers, turn);
  }
  for (size_t turn = 0; turn < TURNS; turn++) {
    for (size_t lane = 0; lane < SUMS; lane++) {
      square[met_at(number, lane, turn, width)] = sums[turn][lane];
    }
  }
}

// The lower half of a square += the products of some rows with themselves; what is above gets some, too.
INLINE void gram_of(const double *const *found, size_t found_count, double *square, size_t width) {
  size_t number = 0;
  for (; number + SUMS <= width; number += SUMS) {
    for (size_t row = 0; row < SUMS; row += GRAM_ROWS) {
      gram_rows(found, found_count, number + row, square, width, GRAM_ROWS, number);
    }
    gram_diagonal(found, found_count, number, square, width);
  }
  for (; number < width; number++) {
    gram_rows(found, found_count, number, square, width, 1, number + 1);
  }
}

// The lower half of a square += the products of the rows whose elements are not zero with themselves.
static void thin_gram(const float *values, const double *matrix, size_t count, size_t width,
                      double *square) {
  const double *found[FOUND + LANES];
  size_t found_count = 0;
  for (size_t first = 0; first < count; first += LANES) {
    const size_t lanes = count - first < LANES ? count - first : LANES;
    // Whether an element is zero is as good as random: a branch would cost more than the rest.
    for (size_t lane = 0; lane < lanes; lane++) {
      found[found_count] = matrix + (first + lane) * width;
      found_count += values[first + lane] != 0;
    }
    if (found_count >= FOUND) {
      gram_of(found, found_count, square, width);
      found_count = 0;
    }
  }
  gram_of(found, found_count, square, width);
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
