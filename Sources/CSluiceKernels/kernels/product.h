// Products of two thin factors, and sums of squares: what low-rank adapters are made of.
#pragma once

#include "vectors.h"

enum { PANEL_VECTORS = SLUICE_PANEL_COLUMNS / LANES };

typedef struct {
  f32x16 sums[PANEL_VECTORS];
} panel_row;

// A row of a panel of the product: whole, whatever of it is asked for.
INLINE void load_panel_row(panel_row *row, const float *from, size_t skipped, size_t count) {
  float values[SLUICE_PANEL_COLUMNS] = {0};
  memcpy(values + skipped, from, count * sizeof(float));
  memcpy(row, values, sizeof *row);
}

INLINE void store_panel_row(const panel_row *row, float *to, size_t skipped, size_t count) {
  float values[SLUICE_PANEL_COLUMNS];
  memcpy(values, row, sizeof values);
  memcpy(to, values + skipped, count * sizeof(float));
}

// Some rows of one panel. Every element adds its products in the order of the rank, each rounded,
// so that it does not matter how many rows are taken together.
INLINE void product_tile(const sluice_product *product, const float *panel, size_t row,
                         size_t row_count, size_t skipped, size_t count, float *out, bool fused) {
  panel_row rows[SLUICE_TILE_ROWS];
  const float *left[SLUICE_TILE_ROWS];
  for (size_t i = 0; i < row_count; i++) {
    left[i] = product->left + (row + i) * product->left_stride;
    if (product->continues) {
      load_panel_row(&rows[i], out + i * product->out_stride, skipped, count);
    } else {
      for (size_t v = 0; v < PANEL_VECTORS; v++) rows[i].sums[v] = 0;
    }
  }
  for (size_t k = 0; k < product->rank; k++) {
    f32x16 right[PANEL_VECTORS];
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
      right[v] = load_floats(panel + k * SLUICE_PANEL_COLUMNS + v * LANES, LANES);
    }
    for (size_t i = 0; i < row_count; i++) {
      f32x16 factor = left[i][k];
      for (size_t v = 0; v < PANEL_VECTORS; v++) {
        rows[i].sums[v] = fused ? __builtin_elementwise_fma(factor, right[v], rows[i].sums[v])
                                : rows[i].sums[v] + factor * right[v];
      }
    }
  }
  for (size_t i = 0; i < row_count; i++) {
    if (product->scales) {
      for (size_t v = 0; v < PANEL_VECTORS; v++) rows[i].sums[v] *= product->scale;
    }
    store_panel_row(&rows[i], out + i * product->out_stride, skipped, count);
  }
}

// All rows of a panel, as many at a time as the level's registers hold.
INLINE void product_panel(const sluice_product *product, const float *panel, size_t skipped,
                          size_t count, float *out, bool fused) {
  size_t row = 0;
  for (; row + SLUICE_TILE_ROWS <= product->row_count; row += SLUICE_TILE_ROWS) {
    product_tile(product, panel, row, SLUICE_TILE_ROWS, skipped, count,
                 out + row * product->out_stride, fused);
  }
  for (; row < product->row_count; row++) {
    product_tile(product, panel, row, 1, skipped, count, out + row * product->out_stride, fused);
  }
}

INLINE void product_as(const sluice_product *product, bool fused) {
  const size_t end = product->first_column + product->column_count;
  size_t column = product->first_column;
  while (column < end) {
    const size_t index = column / SLUICE_PANEL_COLUMNS;
    const size_t skipped = column % SLUICE_PANEL_COLUMNS;
    const size_t left = SLUICE_PANEL_COLUMNS - skipped;
    const size_t count = left < end - column ? left : end - column;
    const float *panel = product->panels + index * product->rank * SLUICE_PANEL_COLUMNS;
    float *out = product->out + (column - product->first_column);
    // Whole panels know their length beforehand, and so do without the detour through memory.
    if (count == SLUICE_PANEL_COLUMNS) {
      product_panel(product, panel, 0, SLUICE_PANEL_COLUMNS, out, fused);
    } else {
      product_panel(product, panel, skipped, count, out, fused);
    }
    column += count;
  }
}

static void product(const sluice_product *product) {
  if (product->fused) {
    product_as(product, true);
  } else {
    product_as(product, false);
  }
}

INLINE f64x16 squares_of(const float *values, size_t lanes) {
  f64x16 value = __builtin_convertvector(load_floats(values, lanes), f64x16);
  return value * value;
}

static void square_sums(const float *values, size_t count, double *sums) {
  f64x16 all;
  memcpy(&all, sums, sizeof all);
#define STEP(index, lanes) all += squares_of(values + index, lanes)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  memcpy(sums, &all, sizeof all);
}
