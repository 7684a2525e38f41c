// Which elements a cut keeps: those above its threshold, and those of the tied that its rule says.
#pragma once

#include "ties.h"
#include "words.h"

// Which of 64 elements are above the threshold, and which are exactly there.
INLINE void compare_word(const float *delta, s32x16 threshold, uint64_t *above, uint64_t *tied) {
#if SLUICE_SSE2_ALONE
  uint64_t below = 0, equal = 0;
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 magnitude = bits_of(load_floats(delta + part * LANES, LANES)) & MAGNITUDE;
    s8x16 difference = saturated(magnitude - threshold);
    below |= signs_of(difference) << (part * LANES);
    equal |= zeros_of(difference) << (part * LANES);
  }
  *above = ~(below | equal);
  *tied = equal;
#elif SLUICE_BYTE_TESTS
  s32x16 differences[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 magnitude = bits_of(load_floats(delta + part * LANES, LANES)) & MAGNITUDE;
    differences[part] = magnitude - threshold;
  }
  const s8x64 all = saturated_word(differences);
  *above = word_of_bytes(all > 0);
  *tied = word_of_bytes(all == 0);
#else
  s32x16 larger[WORD / LANES], equal[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 magnitude = bits_of(load_floats(delta + part * LANES, LANES)) & MAGNITUDE;
    larger[part] = magnitude > threshold;
    equal[part] = magnitude == threshold;
  }
  *above = whole_word_of(larger);
  *tied = whole_word_of(equal);
#endif
}

// The keep words of TIE_WORDS * 64 elements; how many stay.
INLINE size_t select_words(const float *delta, cut *cut, uint64_t *keep) {
  uint64_t tied[TIE_WORDS], kept[TIE_WORDS];
  for (int word = 0; word < TIE_WORDS; word++) {
    compare_word(delta + word * WORD, cut->threshold, &keep[word], &tied[word]);
  }
  keep_ties(cut, tied, kept);
  size_t total = 0;
  for (int word = 0; word < TIE_WORDS; word++) {
    keep[word] |= kept[word];
    total += (size_t)__builtin_popcountll(keep[word]);
  }
  return total;
}

INLINE cut begun_cut(sluice_tie_rule rule, const sluice_tie_cursor *cursor) {
  spread_rule spread = spread_rule_of(cursor->limit);
  return (cut){
      .rule = rule,
      .threshold = (s32x16)(int32_t)cursor->threshold,
      .spread = spread,
      .window = spread_window_at(spread, cursor->next),
      .limit = cursor->limit,
      .next = cursor->next,
  };
}

INLINE size_t select_by(sluice_tie_rule rule, const float *delta, size_t count,
                        sluice_tie_cursor *cursor, uint64_t *keep) {
  cut cut = begun_cut(rule, cursor);
  enum { TOGETHER = TIE_WORDS * WORD };
  size_t kept = 0;
  size_t index = 0;
  for (; index + TOGETHER <= count; index += TOGETHER) {
    kept += select_words(delta + index, &cut, keep + index / WORD);
  }
  if (index < count) {
    // Missing elements are zeros, which no cut keeps.
    float padded[TOGETHER] = {0};
    uint64_t words[TIE_WORDS];
    memcpy(padded, delta + index, (count - index) * sizeof(float));
    kept += select_words(padded, &cut, words);
    memcpy(keep + index / WORD, words, (count - index + WORD - 1) / WORD * sizeof *words);
  }
  cursor->next = cut.next;
  return kept;
}

static size_t select_kept(const float *delta, size_t count, sluice_tie_cursor *cursor,
                          uint64_t *keep) {
  switch (cursor->rule) {
    case SLUICE_TIES_SPREAD: return select_by(SLUICE_TIES_SPREAD, delta, count, cursor, keep);
    case SLUICE_TIES_INDEX: return select_by(SLUICE_TIES_INDEX, delta, count, cursor, keep);
    case SLUICE_TIES_DROP_ALL: return select_by(SLUICE_TIES_DROP_ALL, delta, count, cursor, keep);
    case SLUICE_TIES_KEEP_ALL: return select_by(SLUICE_TIES_KEEP_ALL, delta, count, cursor, keep);
  }
  return 0;
}
