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

// So few magnitudes are looked at one by one; after so many guesses that did not halve their number many may be equal.
enum { FEW = 16, STALLS = 4 };

// How many magnitudes reach some bits.
INLINE size_t count_reaching(const float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
  size_t total = 0, index = 0;
#if SLUICE_BIT_DEPOSIT
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    total += (size_t)__builtin_popcountll(word_of(value >= limit));
  }
#else
  s32x16 found = 0;
  for (; index + LANES <= count; index += LANES) {
    // A comparison is -1 where it holds.
    found -= (bits_of(load_floats(values + index, LANES)) & MAGNITUDE) >= limit;
  }
  total = (size_t)__builtin_reduce_add(found);
#endif
  for (; index < count; index++) total += magnitude_at(values, index) >= bits;
  return total;
}

// The least magnitude that reaches some bits, which one does.
INLINE uint32_t least_reaching(const float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
  s32x16 all = MAGNITUDE;
  size_t index = 0;
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    s32x16 reaches = value >= limit;
    all = __builtin_elementwise_min(all, (reaches & value) | (~reaches & MAGNITUDE));
  }
  uint32_t least = (uint32_t)__builtin_reduce_min(all);
  for (; index < count; index++) {
    uint32_t value = magnitude_at(values, index);
    if (value >= bits && value < least) least = value;
  }
  return least;
}

// Adds a magnitude to some that are in order, largest first.
INLINE size_t insert_magnitude(uint32_t *found, size_t found_count, uint32_t value) {
  size_t place = found_count;
  for (; place > 0 && found[place - 1] < value; place--) found[place] = found[place - 1];
  found[place] = value;
  return found_count + 1;
}

// The magnitudes from some bits to below others, of which there are at most FEW: largest first.
INLINE void list_between(const float *values, size_t count, uint32_t low, uint32_t high,
                         uint32_t *found) {
  const s32x16 least = (int32_t)low, most = (int32_t)(high - 1);
  size_t found_count = 0, index = 0;
  for (; index + LANES <= count; index += LANES) {
    s32x16 value = bits_of(load_floats(values + index, LANES)) & MAGNITUDE;
    for (uint64_t word = word_of((value >= least) & (value <= most)); word != 0; word &= word - 1) {
      size_t lane = (size_t)__builtin_ctzll(word);
      found_count = insert_magnitude(found, found_count, magnitude_at(values, index + lane));
    }
  }
  for (; index < count; index++) {
    uint32_t value = magnitude_at(values, index);
    if (value >= low && value < high) found_count = insert_magnitude(found, found_count, value);
  }
}

// Narrows the range of bits in which the magnitude number `kept`, largest first, must lie, by where it would lie if the
// range were filled evenly, or in the middle where that did not help, until few are left in it. Only whole numbers are
// counted, so that neither the order of elements nor the first guess says anything about the result.
static sluice_row_cut cut_row(const float *values, size_t count, size_t kept, uint32_t guess) {
  s32x16 all = 0;
#define STEP(index, lanes) \
  all = larger(all, bits_of(load_floats(values + index, lanes)) & MAGNITUDE)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
  // At least `kept` reach the lower end; `above`, which are fewer, reach the upper one.
  uint32_t low = 0, high = largest(all) + 1;
  size_t reaching = count, above = 0, stalls = 0;
  while (high - low > 1) {
    const size_t inside = reaching - above;
    if (inside <= FEW) {
      uint32_t found[FEW];
      list_between(values, count, low, high, found);
      size_t first = kept - above - 1, last = first;
      while (first > 0 && found[first - 1] == found[last]) first--;
      while (last + 1 < inside && found[last + 1] == found[first]) last++;
      return (sluice_row_cut){
          .threshold = found[first], .above = above + first, .tied = last - first + 1};
    }
    if (guess <= low || guess >= high) guess = low + (high - low) / 2;
    const uint32_t range = high - low;
    size_t found = count_reaching(values, count, guess);
    if (found >= kept) {
      low = guess;
      reaching = found;
    } else {
      high = guess;
      above = found;
    }
    const bool halves = reaching - above <= inside / 2;
    stalls = halves ? 0 : stalls + 1;
    if (stalls == STALLS) {
      low = least_reaching(values, count, low);
      guess = low + 1;
      stalls = 0;
    } else if (halves || high - low <= range / 2) {
      guess = low + 1 +
              (uint32_t)((uint64_t)(high - low) * (reaching - kept) / (reaching - above));
    } else {
      guess = low;
    }
  }
  return (sluice_row_cut){.threshold = low, .above = above, .tied = reaching - above};
}

// +0 wherever a magnitude does not reach some bits.
static void keep_reaching(float *values, size_t count, uint32_t bits) {
  const s32x16 limit = (int32_t)bits;
#define STEP(index, lanes)                                                            \
  do {                                                                                \
    s32x16 value = bits_of(load_floats(values + index, lanes));                       \
    s32x16 reaches = (value & MAGNITUDE) >= limit;                                    \
    store_floats(values + index, floats_of(reaches & value), lanes);                  \
  } while (0)
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}
