// Which elements a cut keeps: those above its threshold, and those of the tied that its rule says.
#pragma once

#include "vectors.h"

// Puts the lowest bits of `source` where `mask` has ones.
#if SLUICE_BIT_DEPOSIT
INLINE uint64_t deposit(uint64_t source, uint64_t mask) {
  return __builtin_ia32_pdep_di(source, mask);
}
#else
INLINE uint64_t deposit(uint64_t source, uint64_t mask) {
  uint64_t out = 0;
  for (; mask != 0; mask &= mask - 1, source >>= 1) {
    if (source & 1) out |= mask & -mask;
  }
  return out;
}
#endif

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

// The keep bits of the 64 ties from number `next` on.
INLINE uint64_t spread_bits(spread_rule rule, uint64_t next) {
  uint32_t group = (uint32_t)next >> 6;
  unsigned offset = next & 63;
  uint64_t low = spread_word(rule, group) >> offset;
  uint64_t high = spread_word(rule, group + 1) << 1 << (63 - offset);
  return low | high;
}

INLINE uint64_t index_bits(uint64_t limit, uint64_t next) {
  uint64_t left = limit > next ? limit - next : 0;
  return left >= 64 ? ~0ull : (1ull << left) - 1;
}

// Bits of 64 elements: above the threshold, and equal to it.
INLINE void compare_word(const float *delta, s32x16 threshold, uint64_t *above, uint64_t *tied) {
  *above = 0;
  *tied = 0;
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 magnitude = bits_of(load_floats(delta + part * LANES, LANES)) & MAGNITUDE;
    *above |= word_of(magnitude > threshold) << (part * LANES);
    *tied |= word_of(magnitude == threshold) << (part * LANES);
  }
}

INLINE uint64_t kept_ties(sluice_tie_rule rule, spread_rule spread, uint64_t limit, uint64_t next,
                          uint64_t tied) {
  switch (rule) {
    case SLUICE_TIES_SPREAD: return deposit(spread_bits(spread, next), tied);
    case SLUICE_TIES_INDEX: return deposit(index_bits(limit, next), tied);
    case SLUICE_TIES_DROP_ALL: return 0;
    case SLUICE_TIES_KEEP_ALL: return tied;
  }
  return 0;
}

INLINE size_t select_by(sluice_tie_rule rule, const float *delta, size_t count,
                        sluice_tie_cursor *cursor, uint64_t *keep) {
  uint32_t bits = cursor->threshold < MAGNITUDE ? cursor->threshold : MAGNITUDE;
  s32x16 threshold = (s32x16)(int32_t)bits;
  uint64_t limit = cursor->limit;
  uint64_t next = cursor->next;
  spread_rule spread = spread_rule_of(limit);
  size_t kept = 0;
  for (size_t index = 0; index < count; index += WORD) {
    uint64_t above, tied;
    if (index + WORD <= count) {
      compare_word(delta + index, threshold, &above, &tied);
    } else {
      // Missing elements are zeros, which no cut keeps.
      float padded[WORD] = {0};
      memcpy(padded, delta + index, (count - index) * sizeof(float));
      compare_word(padded, threshold, &above, &tied);
    }
    uint64_t word = above;
    if (tied != 0) {
      word |= kept_ties(rule, spread, limit, next, tied);
      next += (uint64_t)__builtin_popcountll(tied);
    }
    keep[index / WORD] = word;
    kept += (size_t)__builtin_popcountll(word);
  }
  cursor->next = next;
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
