// All kernels of one level. The file that includes this says what the level can do:
// SLUICE_SSE2_ALONE, SLUICE_HALF_CONVERSION, SLUICE_FUSED_PRODUCTS, SLUICE_SPLIT_VECTORS (16 lanes take several registers),
// SLUICE_BIT_DEPOSIT, SLUICE_BYTE_TESTS, SLUICE_LANE_MOVES, SLUICE_TILE_ROWS and SLUICE_TILE_DIRECTIONS.
#pragma once

#include "codes.h"
#include "compare.h"
#include "cuts.h"
#include "draws.h"
#include "elect.h"
#include "elements.h"
#include "few.h"
#include "find.h"
#include "gram.h"
#include "hash.h"
#include "histogram.h"
#include "merge.h"
#include "pack.h"
#include "partitions.h"
#include "product.h"
#include "project.h"
#include "records.h"
#include "rice.h"
#include "row_cut.h"
#include "select.h"
#include "sizes.h"
#include "steps.h"
#include "thin.h"
#include "unpack.h"
#include "unrice.h"

// With the kernels that sort codes by class, and put them back; and those of Rice codes.
#define KERNEL_TABLE(split_codes, unpack_codes, encode_rice, decode_rice)                          \
  {                                                                                                \
    .widen = widen, .delta = delta, .difference = difference, .histogram = histogram,              \
    .difference_histogram = difference_histogram, .drain_histogram = drain_histogram,              \
    .binned_histogram = binned_histogram, .collect = collect, .count_few = count_few,              \
    .select = select_kept, .cut_row = cut_row, .apply_mask = apply_mask,                           \
    .amplify = amplify, .prune = prune, .select_and_prune = select_and_prune, .scale = scale,      \
    .merge_ties = merge_ties,                                                                      \
    .merge_sum = merge_sum, .merge_mean = merge_mean, .finish = finish, .draw = draw,              \
    .keep_drawn = keep_drawn, .merge_elected = merge_elected, .count_signs = count_signs,          \
    .pack = pack, .split = split_codes, .keep_reaching = keep_reaching,                            \
    .unpack = unpack_codes, .product = product, .square_sums = square_sums, .decode = decode,            \
    .compare = compare, .compare_runs = compare_runs, .take_step = take_step,                      \
    .add_products = add_products,                                                                  \
    .thin_dot = thin_dot, .thin_add = thin_add, .thin_project = thin_project,                      \
    .thin_gram = thin_gram, .thin_factorise = thin_factorise, .thin_correct = thin_correct,        \
    .thin_blend = thin_blend, .count_sizes = count_sizes, .rice_choose = rice_choose,               \
    .rice_encode = encode_rice, .rice_decode = decode_rice, .hash = hash,                          \
    .put_steps = put_steps, .put_lows = put_lows, .put_counts = put_counts,                        \
    .sum_units = sum_units, .find_largest = find_largest, .find_bits = find_bits,                   \
  }
