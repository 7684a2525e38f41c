// Selecting by several cuts, and what becomes of the elements that they keep, in one walk.
#pragma once

#include "partitions.h"
#include "select.h"

#if SLUICE_BYTE_TESTS
enum { FEW_CUTS = 2, SELECTED = TIE_WORDS * WORD };

INLINE void prune_selected(float *values, cut *cuts, const float *factors, size_t cut_count,
                           uint64_t *const *keep, size_t word) {
  uint64_t words[FEW_CUTS][TIE_WORDS];
  const uint64_t *partitions[FEW_CUTS];
  for (size_t at = 0; at < cut_count; at++) {
    select_words(values, &cuts[at], words[at]);
    memcpy(keep[at] + word, words[at], sizeof words[at]);
    partitions[at] = words[at];
  }
  amplify_by(REST_IS_ZERO, values, SELECTED, partitions, factors, cut_count);
}

// Elements are multiplied while they are in registers. What cuts do with ties is a constant where it is the usual.
INLINE void prune_by_few(bool all_spread, float *values, size_t count, sluice_tie_cursor *cursors,
                         const float *factors, size_t cut_count, uint64_t *const *keep) {
  cut cuts[FEW_CUTS];
  float copied[FEW_CUTS];
  uint64_t *copies[FEW_CUTS];
  for (size_t at = 0; at < cut_count; at++) {
    cuts[at] = begun_cut(all_spread ? SLUICE_TIES_SPREAD : cursors[at].rule, &cursors[at]);
    copied[at] = factors[at];
    copies[at] = keep[at];
  }
  size_t index = 0;
  for (; index + SELECTED <= count; index += SELECTED) {
    prune_selected(values + index, cuts, copied, cut_count, copies, index / WORD);
  }
  if (index < count) {
    // Missing elements are zeros, which no cut keeps.
    float padded[SELECTED] = {0};
    memcpy(padded, values + index, (count - index) * sizeof(float));
    prune_selected(padded, cuts, copied, cut_count, copies, index / WORD);
    memcpy(values + index, padded, (count - index) * sizeof(float));
  }
  for (size_t at = 0; at < cut_count; at++) cursors[at].next = cuts[at].next;
}
#endif

static void select_and_prune(float *values, size_t count, sluice_tie_cursor *cursors,
                             const float *factors, size_t cut_count, uint64_t *const *keep) {
#if SLUICE_BYTE_TESTS
  bool all_spread = true;
  for (size_t at = 0; at < cut_count; at++) all_spread &= cursors[at].rule == SLUICE_TIES_SPREAD;
#define FEW(number)                                                       \
  if (cut_count == (number) && all_spread) {                              \
    prune_by_few(true, values, count, cursors, factors, number, keep);    \
    return;                                                               \
  }                                                                       \
  if (cut_count == (number)) {                                            \
    prune_by_few(false, values, count, cursors, factors, number, keep);   \
    return;                                                               \
  }
  FEW(1)
  FEW(2)
#undef FEW
#endif
  for (size_t at = 0; at < cut_count; at++) select_kept(values, count, &cursors[at], keep[at]);
  prune(values, count, (const uint64_t *const *)keep, factors, cut_count);
}
