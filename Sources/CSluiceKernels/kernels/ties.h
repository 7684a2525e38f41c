// Which of the elements that are exactly at a threshold stay.
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

// What the rule says of the 64 ties from the next one on, if it goes by their numbers.
INLINE uint64_t bits_of_rule(cut *cut) {
  switch (cut->rule) {
    case SLUICE_TIES_SPREAD: return spread_bits(cut->spread, &cut->window, cut->next);
    case SLUICE_TIES_INDEX: return index_bits(cut->limit, cut->next);
    case SLUICE_TIES_DROP_ALL: return 0;
    case SLUICE_TIES_KEEP_ALL: return 0;
  }
  return 0;
}

#if SLUICE_BIT_DEPOSIT
// How many words of ties are gone through together.
enum { TIE_WORDS = 1 };

INLINE void deposit_rule(cut *cut, const uint64_t tied[TIE_WORDS], uint64_t kept[TIE_WORDS]) {
  kept[0] = deposit(bits_of_rule(cut), tied[0]);
  cut->next += (uint64_t)__builtin_popcountll(tied[0]);
}
#else
enum { TIE_WORDS = 2, SURE_STEPS = 5 };

typedef int16_t s16x8 __attribute__((ext_vector_type(8)));
typedef uint16_t u16x8 __attribute__((ext_vector_type(8)));
typedef uint64_t u64x2 __attribute__((ext_vector_type(2)));

// In byte i, how many bits are set in bytes 0 to i.
INLINE uint64_t running_counts(uint64_t word) {
  word -= word >> 1 & 0x5555555555555555;
  word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
  return ((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101;
}

// In eight lanes of 16 elements, each with what the rule says from its own first tie on, the first tie of all lanes is
// looked at, then the second of all, and so on. The most ties that a lane has vary less than the ties of a word: after some
// steps, done in any case, few more are needed, and a branch that is hard to foresee costs more than a step.
INLINE void deposit_rule(cut *cut, const uint64_t tied[TIE_WORDS], uint64_t kept[TIE_WORDS]) {
  const uint64_t counts[TIE_WORDS] = {running_counts(tied[0]), running_counts(tied[1])};
  const uint64_t first = bits_of_rule(cut);
  cut->next += counts[0] >> 56;
  const uint64_t second = bits_of_rule(cut);
  cut->next += counts[1] >> 56;
  // There are at most 48 ties before the last lane of a word.
#define LANE(rule, counts, byte) (uint16_t)((rule) >> ((counts) >> 8 * (byte)&63))
  u16x8 bits = {(uint16_t)first,            LANE(first, counts[0], 1),  LANE(first, counts[0], 3),
                LANE(first, counts[0], 5),  (uint16_t)second,           LANE(second, counts[1], 1),
                LANE(second, counts[1], 3), LANE(second, counts[1], 5)};
#undef LANE
  u16x8 left, out = 0;
  memcpy(&left, tied, sizeof left);
#define TAKE_FIRST                                               \
  do {                                                           \
    u16x8 others = left & (left - 1);                            \
    out |= (left ^ others) & (u16x8)((s16x8)(bits << 15) >> 15); \
    left = others;                                               \
    bits >>= 1;                                                  \
  } while (0)
  for (int step = 0; step < SURE_STEPS; step++) TAKE_FIRST;
  while (__builtin_reduce_or((u64x2)left) != 0) TAKE_FIRST;
#undef TAKE_FIRST
  memcpy(kept, &out, sizeof out);
}
#endif

// Those of the tied elements that the cut keeps.
INLINE void keep_ties(cut *cut, const uint64_t tied[TIE_WORDS], uint64_t kept[TIE_WORDS]) {
  uint64_t any = 0;
  for (int word = 0; word < TIE_WORDS; word++) {
    kept[word] = cut->rule == SLUICE_TIES_KEEP_ALL ? tied[word] : 0;
    any |= tied[word];
  }
  // Where depositing is one instruction, a branch that is hard to foresee would cost more.
  if (!SLUICE_BIT_DEPOSIT && any == 0) return;
  if (cut->rule == SLUICE_TIES_SPREAD || cut->rule == SLUICE_TIES_INDEX) {
    deposit_rule(cut, tied, kept);
  } else {
    for (int word = 0; word < TIE_WORDS; word++) {
      cut->next += (uint64_t)__builtin_popcountll(tied[word]);
    }
  }
}
