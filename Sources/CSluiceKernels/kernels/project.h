// Products of rows with directions: sums in Float32 whose order is their own, whatever the registers are.
//
// Directions lie in panels, as the right factors of product.h.
#pragma once

#include "vectors.h"

// Elements whose products are added up in Float32.
enum { RUN = 512 };

enum { PROJECT_SUMS = SLUICE_TILE_ROWS * SLUICE_TILE_DIRECTIONS };

// Halves of lanes that lie next to each other, as many as are asked for, each added to the other. What is left of two
// vectors fills one.
INLINE f32x16 halved(f32x16 a, f32x16 b, size_t half) {
  switch (half) {
    case 8:
      return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
             __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    case 4:
      return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
             __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    case 2:
      return __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29) +
             __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31);
    default:
      return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
             __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  }
}

// The totals of up to LANES vectors, in which halves of lanes are added to each other until one is left. They take
// turns in the same vectors, since a total by itself would take as long as its products.
INLINE void totals_of(f32x16 *sums, size_t count, float *totals) {
  size_t left = count;
  for (size_t half = LANES / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < left; i += 2) {
      sums[i / 2] = halved(sums[i], i + 1 < left ? sums[i + 1] : (f32x16)0, half);
    }
    left = (left + 1) / 2;
  }
  memcpy(totals, sums, count * sizeof(float));
}

// Adds the products of some rows with some directions in a run, sixteen interleaved sums of each, whose totals are
// added up in Double. The directions' vectors take turns.
INLINE void project_tile(const float *values, size_t stride, const float *others, size_t count,
                         double *sums, size_t width, size_t rows, size_t directions) {
  f32x16 all[PROJECT_SUMS];
  for (size_t i = 0; i < rows * directions; i++) all[i] = 0;
#define STEP(index, lanes)                                                                        \
  do {                                                                                            \
    f32x16 own[SLUICE_TILE_ROWS];                                                                 \
    for (size_t i = 0; i < rows; i++) own[i] = load_floats(values + i * stride + (index), lanes); \
    for (size_t c = 0; c < directions; c++) {                                                     \
      f32x16 other = load_floats(others + (index) * directions + c * LANES, LANES);               \
      for (size_t i = 0; i < rows; i++) all[i * directions + c] += own[i] * other;                \
    }                                                                                             \
  } while (0)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  float totals[PROJECT_SUMS];
  for (size_t first = 0; first < rows * directions; first += LANES) {
    const size_t left = rows * directions - first;
    totals_of(all + first, left < LANES ? left : LANES, totals + first);
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t c = 0; c < directions; c++) sums[i * width + c] += (double)totals[i * directions + c];
  }
}

// All rows and some directions in a run. The directions' numbers are put next to each other first: in panels of many
// directions they lie as far from each other as caches have room for few.
INLINE void project_rows(const float *values, size_t stride, size_t row_count, const float *panels,
                         size_t count, double *sums, size_t width, size_t directions) {
  float others[RUN * SLUICE_TILE_DIRECTIONS] __attribute__((aligned(64)));
  for (size_t index = 0; index < count; index += LANES) {
    const float *from = panels + index / SLUICE_PANEL_COLUMNS * width * SLUICE_PANEL_COLUMNS +
                        index % SLUICE_PANEL_COLUMNS;
    for (size_t c = 0; c < directions; c++) {
      store_floats(others + index * directions + c * LANES,
                   load_floats(from + c * SLUICE_PANEL_COLUMNS, LANES), LANES);
    }
  }
  size_t row = 0;
  for (; row + SLUICE_TILE_ROWS <= row_count; row += SLUICE_TILE_ROWS) {
    project_tile(values + row * stride, stride, others, count, sums + row * width, width,
                 SLUICE_TILE_ROWS, directions);
  }
  for (; row < row_count; row++) {
    project_tile(values + row * stride, stride, others, count, sums + row * width, width, 1,
                 directions);
  }
}

// All rows and directions in a run.
INLINE void project_run(const float *values, size_t stride, size_t row_count, const float *panels,
                        size_t count, size_t width, size_t direction_count, double *sums) {
  size_t c = 0;
  for (; c + SLUICE_TILE_DIRECTIONS <= direction_count; c += SLUICE_TILE_DIRECTIONS) {
    project_rows(values, stride, row_count, panels + c * SLUICE_PANEL_COLUMNS, count, sums + c,
                 width, SLUICE_TILE_DIRECTIONS);
  }
  // What is left goes in pieces, too: a sum by itself waits for itself at each step.
  if (SLUICE_TILE_DIRECTIONS > 4 && c + 4 <= direction_count) {
    project_rows(values, stride, row_count, panels + c * SLUICE_PANEL_COLUMNS, count, sums + c,
                 width, 4);
    c += 4;
  }
  for (; c + 2 <= direction_count; c += 2) {
    project_rows(values, stride, row_count, panels + c * SLUICE_PANEL_COLUMNS, count, sums + c,
                 width, 2);
  }
  if (c < direction_count) {
    project_rows(values, stride, row_count, panels + c * SLUICE_PANEL_COLUMNS, count, sums + c,
                 width, 1);
  }
}

// The sums of products of each row with each of the first directions, run by run, so that some directions' numbers of
// a run stay near while all rows meet them.
static void thin_project(const float *values, size_t stride, size_t row_count, const float *panels,
                         size_t count, size_t width, size_t direction_count, double *sums) {
  for (size_t row = 0; row < row_count; row++) {
    for (size_t c = 0; c < direction_count; c++) sums[row * width + c] = 0;
  }
  for (size_t first = 0; first < count; first += RUN) {
    project_run(values + first, stride, row_count, panels + first * width,
                count - first < RUN ? count - first : RUN, width, direction_count, sums);
  }
}
