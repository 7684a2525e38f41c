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
INLINE size_t draw_most(uint64_t state, size_t count, uint32_t *draws) {
  const u64x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  u64x16 states = state + GOLDEN * lane;
  size_t index = 0;
  for (; index + LANES <= count; index += LANES) {
    u64x16 values = states;
    MIX(values);
    u32x16 drawn = __builtin_convertvector(values >> DRAWN_SHIFT, u32x16);
    memcpy(draws + index, &drawn, sizeof drawn);
    states += GOLDEN * LANES;
  }
  return index;
}
#endif

// 24 bits for each element: the upper ones of its number in the sequence of splitmix64.
static void draw(uint64_t start, uint64_t first, size_t count, uint32_t *draws) {
  const uint64_t state = start + GOLDEN * (first + 1);
  size_t index = draw_most(state, count, draws);
#pragma clang loop vectorize(disable)
  for (; index < count; index++) draws[index] = drawn_of(state + GOLDEN * index);
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

// The keep words of the elements whose number reaches a limit; how many there are.
static size_t keep_drawn(const uint32_t *draws, size_t count, uint32_t limit, uint64_t *keep) {
  size_t kept = 0;
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    uint64_t word = reached_word(draws + index, limit);
    *keep++ = word;
    kept += (size_t)__builtin_popcountll(word);
  }
  if (index < count) {
    uint32_t padded[WORD] = {0};
    memcpy(padded, draws + index, (count - index) * sizeof *draws);
    // A missing element looks like a zero, which reaches a limit of zero.
    *keep = reached_word(padded, limit) & ((1ull << (count - index)) - 1);
    kept += (size_t)__builtin_popcountll(*keep);
  }
  return kept;
}
