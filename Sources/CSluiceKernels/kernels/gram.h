// Products with themselves of those rows of a thin matrix that are chosen, in Double.
#pragma once

#include "thin.h"

// Rows of a square that are worked on together, and vectors of their columns, and rows of a matrix that are looked for
// at a time.
enum { GRAM_ROWS = 2 * SLUICE_TILE_ROWS, GRAM_VECTORS = SLUICE_TILE_ROWS > 2 ? 2 : 1, FOUND = 256 };

// Some columns of some rows of a square += the products of rows of a matrix, one after the other, with their own
// numbers of the square's rows.
INLINE void gram_tile(const double *const *found, size_t found_count, size_t number, size_t column,
                      double *square, size_t width, size_t rows, size_t vectors, size_t lanes) {
  f64x8 sums[GRAM_ROWS][GRAM_VECTORS];
  for (size_t i = 0; i < rows; i++) {
    for (size_t v = 0; v < vectors; v++) {
      sums[i][v] = load_doubles(square + i * width + column + v * SUMS, lanes);
    }
  }
  for (size_t j = 0; j < found_count; j++) {
    f64x8 numbers[GRAM_VECTORS];
    for (size_t v = 0; v < vectors; v++) numbers[v] = load_doubles(found[j] + column + v * SUMS, lanes);
    for (size_t i = 0; i < rows; i++) {
      for (size_t v = 0; v < vectors; v++) sums[i][v] += found[j][number + i] * numbers[v];
    }
  }
  for (size_t i = 0; i < rows; i++) {
    for (size_t v = 0; v < vectors; v++) {
      memcpy(square + i * width + column + v * SUMS, &sums[i][v], lanes * sizeof(double));
    }
  }
}

INLINE void gram_rows(const double *const *found, size_t found_count, size_t number, double *square,
                      size_t width, size_t rows, size_t columns) {
  double *own = square + number * width;
  size_t column = 0;
  for (; column + GRAM_VECTORS * SUMS <= columns; column += GRAM_VECTORS * SUMS) {
    gram_tile(found, found_count, number, column, own, width, rows, GRAM_VECTORS, SUMS);
  }
  for (; column < columns; column += SUMS) {
    if (column + SUMS <= width) {
      gram_tile(found, found_count, number, column, own, width, rows, 1, SUMS);
    } else {
      gram_tile(found, found_count, number, column, own, width, rows, 1, width - column);
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

// The sums of a piece of the lower half that lies on the diagonal.
typedef struct {
  f64x8 sums[TURNS];
} gram_piece;

INLINE gram_piece load_piece(const double *square, size_t number, size_t width) {
  gram_piece piece;
  for (size_t turn = 0; turn < TURNS; turn++) {
    for (size_t lane = 0; lane < SUMS; lane++) {
      piece.sums[turn][lane] = square[met_at(number, lane, turn, width)];
    }
  }
  return piece;
}

INLINE void store_piece(const gram_piece *piece, double *square, size_t number, size_t width) {
  for (size_t turn = 0; turn < TURNS; turn++) {
    for (size_t lane = 0; lane < SUMS; lane++) {
      square[met_at(number, lane, turn, width)] = piece->sums[turn][lane];
    }
  }
}

INLINE void add_to_piece(gram_piece *piece, f64x8 numbers) {
  for (size_t turn = 0; turn < TURNS; turn++) piece->sums[turn] += numbers * turned(numbers, turn);
}

INLINE void gram_diagonal(const double *const *found, size_t found_count, size_t number,
                          double *square, size_t width) {
  gram_piece piece = load_piece(square, number, width);
  for (size_t j = 0; j < found_count; j++) {
    add_to_piece(&piece, load_doubles(found[j] + number, SUMS));
  }
  store_piece(&piece, square, number, width);
}

// Two pieces of the diagonal and what lies below the first beside the second, in one go.
INLINE void gram_diagonals(const double *const *found, size_t found_count, size_t number,
                           double *square, size_t width) {
  gram_piece first = load_piece(square, number, width);
  gram_piece second = load_piece(square, number + SUMS, width);
  double *below = square + (number + SUMS) * width + number;
  f64x8 sums[SUMS];
  for (size_t i = 0; i < SUMS; i++) sums[i] = load_doubles(below + i * width, SUMS);
  for (size_t j = 0; j < found_count; j++) {
    const double *own = found[j] + number;
    f64x8 numbers = load_doubles(own, SUMS);
    add_to_piece(&first, numbers);
    for (size_t i = 0; i < SUMS; i++) sums[i] += own[SUMS + i] * numbers;
    add_to_piece(&second, load_doubles(own + SUMS, SUMS));
  }
  for (size_t i = 0; i < SUMS; i++) memcpy(below + i * width, &sums[i], sizeof sums[i]);
  store_piece(&first, square, number, width);
  store_piece(&second, square, number + SUMS, width);
}

// The lower half of a square += the products of some rows with themselves; what is above gets some, too.
INLINE void gram_of(const double *const *found, size_t found_count, double *square, size_t width) {
  size_t number = 0;
  if (GRAM_VECTORS > 1) {
    for (; number + 2 * SUMS <= width; number += 2 * SUMS) {
      for (size_t row = 0; row < 2 * SUMS; row += GRAM_ROWS) {
        gram_rows(found, found_count, number + row, square, width, GRAM_ROWS, number);
      }
      gram_diagonals(found, found_count, number, square, width);
    }
  }
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

// Which of up to WORD elements are not zero.
INLINE uint64_t nonzero_word(const float *values, size_t count) {
  if (count == WORD) {
    s32x16 comparisons[WORD / LANES];
    for (size_t v = 0; v < WORD / LANES; v++) {
      comparisons[v] = load_floats(values + v * LANES, LANES) != 0;
    }
    return whole_word_of(comparisons);
  }
  uint64_t word = 0;
  for (size_t i = 0; i < count; i++) word |= (uint64_t)(values[i] != 0) << i;
  return word;
}

// The lower half of a square += the products of the rows whose elements are not zero with themselves.
static void thin_gram(const float *values, const double *matrix, size_t count, size_t width,
                      double *square) {
  const double *found[FOUND + WORD];
  size_t found_count = 0;
  for (size_t first = 0; first < count; first += WORD) {
    uint64_t word = count - first < WORD ? nonzero_word(values + first, count - first)
                                         : nonzero_word(values + first, WORD);
    // One branch for a word: whether a single element is zero is as good as random.
    for (; word != 0; word &= word - 1) {
      found[found_count++] = matrix + (first + (size_t)__builtin_ctzll(word)) * width;
    }
    if (found_count >= FOUND) {
      gram_of(found, found_count, square, width);
      found_count = 0;
    }
  }
  gram_of(found, found_count, square, width);
}
