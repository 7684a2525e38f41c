// Which elements a cut keeps: those above its threshold, and those of the tied that its rule says.
#pragma once

#include "vectors.h"

// The rule `bitrev32(j) < limit` for 64 consecutive j. The last six bits of j are the first six of
// bitrev32(j): j whose reversed last bits are less than the upper part of the limit stay, those
// where they are equal stay if the other 26 bits, reversed, are less than its lower part.
typedef struct {
  uint64_t less, equal;
  uint32_t lower;
} spread_rule;

INLINE spread_rule spread_rule_of(uint64_t limit) {
  // Where bit 5, 4 ... 0 of the reversed position is set.
  static const uint64_t reversed_bit[6] = {
      0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
      0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000,
  };
  uint64_t upper = limit >> 26;
  if (upper >= 64) return (spread_rule){.less = ~0ull, .equal = 0, .lower = 0};
  spread_rule rule = {.less = 0, .equal = ~0ull, .lower = (uint32_t)limit & 0x3ffffff};
  for (int bit = 0; bit < 6; bit++) {
    if (upper >> (5 - bit) & 1) {
      rule.less |= rule.equal & ~reversed_bit[bit];
      rule.equal &= reversed_bit[bit];
    } else {
      rule.equal &= ~reversed_bit[bit];
    }
  }
  return rule;
}

// The keep bits of ties 64 * group ... 64 * group + 63.
INLINE uint64_t spread_word(spread_rule rule, uint32_t group) {
  uint32_t reversed = __builtin_bitreverse32(group << 6);
  return rule.less | (reversed < rule.lower ? rule.equal : 0);
}

// The keep bits of a group of 64 ties and of the one after it. Ties are a small part of the
// elements, so many words of elements in a row ask for the same two groups.
typedef struct {
  uint32_t group;
  uint64_t bits, following;
} spread_window;

INLINE spread_window spread_window_at(spread_rule rule, uint64_t next) {
  uint32_t group = (uint32_t)(next >> 6);
  return (spread_window){
      .group = group,
      .bits = spread_word(rule, group),
      .following = spread_word(rule, group + 1),
  };
}

// The keep bits of the 64 ties from number `next` on.
INLINE uint64_t spread_bits(spread_rule rule, spread_window *window, uint64_t next) {
  if ((uint32_t)(next >> 6) != window->group) *window = spread_window_at(rule, next);
  unsigned offset = next & 63;
  return window->bits >> offset | window->following << 1 << (63 - offset);
}

INLINE uint64_t index_bits(uint64_t limit, uint64_t next) {
  uint64_t left = limit > next ? limit - next : 0;
  return left >= 64 ? ~0ull : (1ull << left) - 1;
}

// A cut while it is applied.
typedef struct {
  sluice_tie_rule rule;
  s32x16 threshold;
  spread_rule spread;
  spread_window window;
  uint64_t limit;
  uint64_t next;
} cut;

INLINE uint64_t kept_ties(cut *cut, uint64_t tied) {
  switch (cut->rule) {
    case SLUICE_TIES_SPREAD: return deposit(spread_bits(cut->spread, &cut->window, cut->next), tied);
    case SLUICE_TIES_INDEX: return deposit(index_bits(cut->limit, cut->next), tied);
    case SLUICE_TIES_DROP_ALL: return 0;
    case SLUICE_TIES_KEEP_ALL: return tied;
  }
  return 0;
}

// The keep word of 64 elements.
INLINE uint64_t select_word(const float *delta, cut *cut) {
  s32x16 magnitude[WORD / LANES], above[WORD / LANES], equal[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    magnitude[part] = bits_of(load_floats(delta + part * LANES, LANES)) & MAGNITUDE;
    above[part] = magnitude[part] > cut->threshold;
    equal[part] = magnitude[part] == cut->threshold;
  }
  uint64_t word = whole_word_of(above);
  uint64_t tied = whole_word_of(equal);
  // Where depositing is one instruction, a branch that is hard to foresee would cost more.
  if (SLUICE_BIT_DEPOSIT || tied != 0) {
    word |= kept_ties(cut, tied);
    cut->next += (uint64_t)__builtin_popcountll(tied);
  }
  return word;
}

INLINE size_t select_by(sluice_tie_rule rule, const float *delta, size_t count,
                        sluice_tie_cursor *cursor, uint64_t *keep) {
  spread_rule spread = spread_rule_of(cursor->limit);
  cut cut = {
      .rule = rule,
      .threshold = (s32x16)(int32_t)cursor->threshold,
      .spread = spread,
      .window = spread_window_at(spread, cursor->next),
      .limit = cursor->limit,
      .next = cursor->next,
  };
  size_t kept = 0;
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    uint64_t word = select_word(delta + index, &cut);
    *keep++ = word;
    kept += (size_t)__builtin_popcountll(word);
  }
  if (index < count) {
    // Missing elements are zeros, which no cut keeps.
    float padded[WORD] = {0};
    memcpy(padded, delta + index, (count - index) * sizeof(float));
    *keep = select_word(padded, &cut);
    kept += (size_t)__builtin_popcountll(*keep);
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
