// Random numbers that depend on nothing but a start and the position of an element.
#pragma once

#include "vectors.h"

// The finaliser of splitmix64.
INLINE u64x16 mixed(u64x16 value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ value >> 27) * 0x94d049bb133111ebull;
  return value ^ value >> 31;
}

// 24 bits for each element: the upper ones of its number in the sequence of splitmix64.
static void draw(uint64_t start, uint64_t first, size_t count, uint32_t *draws) {
  const uint64_t step = 0x9e3779b97f4a7c15ull;
  const u64x16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  u64x16 state = start + step * (first + 1 + lane);
#define STEP(index, lanes)                                               \
  u32x16 drawn = __builtin_convertvector(mixed(state) >> 40, u32x16);    \
  memcpy(draws + index, &drawn, (lanes) * sizeof *draws);                 \
  state += step * LANES
  FOR_EACH_VECTOR(count, STEP);
#undef STEP
}

// The keep word of 64 elements.
INLINE uint64_t reached_word(const uint32_t *draws, uint32_t limit) {
  s32x16 reached[WORD / LANES];
  for (int part = 0; part < WORD / LANES; part++) {
    s32x16 drawn;
    memcpy(&drawn, draws + part * LANES, sizeof drawn);
    reached[part] = drawn >= (int32_t)limit;
  }
  return whole_word_of(reached);
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
