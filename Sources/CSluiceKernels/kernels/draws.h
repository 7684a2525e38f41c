// Random numbers that depend on nothing but a start and the position of an element.
#pragma once

#include "vectors.h"

// Mixes as the finaliser of splitmix64 does, but for its last step, which does not change the upper 24 bits.
#define MIX(value)                                          \
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;    \
  value = (value ^ value >> 27) * 0x94d049bb133111ebull

enum { DRAWN_SHIFT = 40 };

#define GOLDEN 0x9e3779b97f4a7c15ull

INLINE uint32_t drawn_of(uint64_t state) {
  MIX(state);
  return (uint32_t)(state >> DRAWN_SHIFT);
}

#if SLUICE_SSE2_ALONE
// A product of 64 bits takes three instructions for two lanes. So every other eight elements are left to the unit that
// multiplies single numbers, which works at the same time.
INLINE size_t draw_most(uint64_t state, size_t count, uint32_t *draws) {
  enum { HALF_DRAWS = 8 };
  const u64x8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
  u64x8 states = state + GOLDEN * (HALF_DRAWS + lane);
  size_t index = 0;
  for (; index + 2 * HALF_DRAWS <= count; index += 2 * HALF_DRAWS) {
#pragma clang loop vectorize(disable) unroll(full)
    for (size_t place = 0; place < HALF_DRAWS; place++) {
      draws[index + place] = drawn_of(state + GOLDEN * place);
    }
    u64x8 values = states;
    MIX(values);
    u32x8 drawn = __builtin_convertvector(values >> DRAWN_SHIFT, u32x8);
    memcpy(draws + index + HALF_DRAWS, &drawn, sizeof drawn);
    state += 2 * HALF_DRAWS * GOLDEN;
    states += 2 * HALF_DRAWS * GOLDEN;
  }
  return index;
}
#else
// The numbers of 16 elements.
INLINE u32x16 drawn_from(u64x16 states) {
  typedef uint32_t u32x32 __attribute__((ext_vector_type(32)));
  MIX(states);
  const u32x32 halves = (u32x32)states;
  return __builtin_shufflevector(halves, halves, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                 29, 31) >> (DRAWN_SHIFT - 32);
}

INLINE size_t draw_most(uint64_t state, size_t count, uint32_t *draws) {
  const u64x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  u64x16 states = state + GOLDEN * lane;
  size_t index = 0;
  for (; index + LANES <= count; index += LANES) {
    u32x16 drawn = drawn_from(states);
    memcpy(draws + index, &drawn, sizeof drawn);
    states += GOLDEN * LANES;
  }
  return index;
}
#endif

INLINE void draw_from(uint64_t state, size_t count, uint32_t *draws) {
  size_t index = draw_most(state, count, draws);
#pragma clang loop vectorize(disable)
  for (; index < count; index++) draws[index] = drawn_of(state + GOLDEN * index);
}

INLINE uint64_t first_state(uint64_t start, uint64_t first) { return start + GOLDEN * (first + 1); }

// 24 bits for each element: the upper ones of its number in the sequence of splitmix64.
static void draw(uint64_t start, uint64_t first, size_t count, uint32_t *draws) {
  draw_from(first_state(start, first), count, draws);
}

// The keep word of 64 elements.
INLINE uint64_t reached_word(const uint32_t *draws, uint32_t limit) {
#if SLUICE_SSE2_ALONE
  uint64_t below = 0;
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 drawn;
    memcpy(&drawn, draws + part * LANES, sizeof drawn);
    below |= signs_of(saturated(drawn - (int32_t)limit)) << (part * LANES);
  }
  return ~below;
#else
  s32x16 reached[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 drawn;
    memcpy(&drawn, draws + part * LANES, sizeof drawn);
    reached[part] = drawn >= (int32_t)limit;
  }
  return whole_word_of(reached);
#endif
}

#if SLUICE_SSE2_ALONE
// Numbers that are drawn before they are compared: starting takes time.
enum { DRAWN = 512 };
#else
// They stay in registers.
enum { DRAWN = WORD };
#endif

INLINE void keep_drawn_by(uint64_t state, size_t count, const uint32_t *limits, size_t limit_count,
                          uint64_t *const *keep) {
  uint32_t draws[DRAWN];
  size_t index = 0;
  for (; index + DRAWN <= count; index += DRAWN) {
    draw_from(state + GOLDEN * index, DRAWN, draws);
    for (size_t limit = 0; limit < limit_count; limit++) {
      for (size_t place = 0; place < DRAWN; place += WORD) {
        keep[limit][(index + place) / WORD] = reached_word(draws + place, limits[limit]);
      }
    }
  }
  for (; index < count; index += WORD) {
    const size_t rest = count - index < WORD ? count - index : WORD;
    memset(draws, 0, WORD * sizeof *draws);
    draw_from(state + GOLDEN * index, rest, draws);
    // A missing element looks like a zero, which reaches a limit of zero.
    const uint64_t there = rest == WORD ? ~0ull : (1ull << rest) - 1;
    for (size_t limit = 0; limit < limit_count; limit++) {
      keep[limit][index / WORD] = reached_word(draws, limits[limit]) & there;
    }
  }
}

// The keep words of the elements whose number reaches a limit, for each limit. One is usual.
static void keep_drawn(uint64_t start, uint64_t first, size_t count, const uint32_t *limits,
                       size_t limit_count, uint64_t *const *keep) {
  const uint64_t state = first_state(start, first);
  if (limit_count == 1) {
    uint64_t *const only[1] = {keep[0]};
    const uint32_t limit[1] = {limits[0]};
    keep_drawn_by(state, count, limit, 1, only);
  } else {
    keep_drawn_by(state, count, limits, limit_count, keep);
  }
}
