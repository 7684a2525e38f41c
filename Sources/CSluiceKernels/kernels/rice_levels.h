// What Rice codes are made of: lower bits side by side, and words that say which numbers go on.
#pragma once

#include "lanes.h"
#include "words.h"

enum { RICE_LEVELS = 8, RICE_HEADER = 8, RICE_FOLDED = 8, RICE_SAMPLE = 256, RICE_LEAST_SAMPLE = 64 };

// All ones in the first lanes.
INLINE u8x64 first_lanes(size_t count) {
  u8x64 lanes = 0;
  memset(&lanes, 0xff, count);
  return lanes;
}

// Which of 64 numbers are beyond the last level.
INLINE uint64_t rice_wholes(u8x64 quotients) {
#if SLUICE_LANE_MOVES
  return word_of_bytes(quotients == (uint8_t)RICE_LEVELS);
#else
  uint64_t words[8], word = 0;
  memcpy(words, &quotients, sizeof words);
  for (int i = 0; i < 8; i++) {
    // Of numbers up to 8 only 8 has this bit; the product gathers one bit of each byte in order.
    word |= ((words[i] >> 3 & 0x0101010101010101) * 0x0102040810204080 >> 56) << 8 * i;
  }
  return word;
#endif
}

// The lower bits of 64 numbers side by side: `bits` times 8 bytes, and up to 8 more are written.
INLINE void store_lower_bits(uint8_t *to, u8x64 lower, int bits) {
  u16x32 pairs = (u16x32)lower;
  pairs = (pairs & (uint16_t)0xff) | (pairs >> (uint16_t)8) << (uint16_t)bits;
  u32x16 fours = (u32x16)pairs;
  fours = (fours & 0xffffu) | (fours >> 16u) << (uint32_t)(2 * bits);
  u64x8 eights = (u64x8)fours;
  eights = (eights & 0xffffffffull) | (eights >> 32ull) << (uint64_t)(4 * bits);
  for (int i = 0; i < 8; i++) {
    uint64_t eight = eights[i];
    memcpy(to + i * bits, &eight, sizeof eight);
  }
}

INLINE u8x64 load_lower_bits(const uint8_t *from, int bits) {
  u64x8 eights;
  for (int i = 0; i < 8; i++) {
    uint64_t eight;
    memcpy(&eight, from + i * bits, sizeof eight);
    eights[i] = eight;
  }
  uint64_t four = (1ull << 4 * bits) - 1, two = (1ull << 2 * bits) - 1, one = (1ull << bits) - 1;
  eights = (eights & four) | (eights >> (uint64_t)(4 * bits) & four) << 32ull;
  u32x16 fours = (u32x16)eights;
  fours = (fours & (uint32_t)two) | (fours >> (uint32_t)(2 * bits) & (uint32_t)two) << 16u;
  u16x32 pairs = (u16x32)fours;
  pairs = (pairs & (uint16_t)one) | (pairs >> (uint16_t)bits & (uint16_t)one) << (uint16_t)8;
  return (u8x64)pairs;
}

// One level of some numbers: a bit for each says whether it goes on; those that do are moved to the front, less one.
// Returns how many do. Whole words are written.
typedef size_t rice_divide(uint8_t *numbers, size_t count, uint8_t *bits);

static size_t divide_level(uint8_t *numbers, size_t count, uint8_t *bits) {
  size_t left = 0;
  for (size_t start = 0; start < count; start += WORD) {
    uint64_t word = 0;
#if SLUICE_LANE_MOVES
    u8x64 all;
    memcpy(&all, numbers + start, sizeof all);
    word = word_of_bytes(all != (uint8_t)0) & first_bits(count - start);
    all -= (uint8_t)1;
    u8x16 quarters[4];
    memcpy(quarters, &all, sizeof all);
    uint64_t rest = word;
    for (int i = 0; i < 4; i++, rest >>= LANES) {
      store_kept_bytes(numbers + left, quarters[i], rest & 0xffff);
      left += (size_t)__builtin_popcountll(rest & 0xffff);
    }
#else
    size_t here = count - start < WORD ? count - start : WORD;
    for (size_t i = 0; i < here; i++) {
      uint8_t number = numbers[start + i];
      uint64_t goes_on = number != 0;
      word |= goes_on << i;
      numbers[left] = (uint8_t)(number - 1);
      left += goes_on;
    }
#endif
    memcpy(bits + start / 8, &word, sizeof word);
  }
  return left;
}

// The other way: numbers with their bits from those that go on, less one. More than there are may be read and written,
// up to a word.
typedef void rice_join(const uint8_t *rest, const uint8_t *bits, size_t count, uint8_t *numbers);

static void join_level(const uint8_t *rest, const uint8_t *bits, size_t count, uint8_t *numbers) {
  for (size_t start = 0; start < count; start += WORD) {
    uint64_t word;
    memcpy(&word, bits + start / 8, sizeof word);
    word &= first_bits(count - start);
#if SLUICE_BIT_DEPOSIT
    for (size_t lane = 0; lane < WORD; lane += 8, word >>= 8) {
      uint64_t next;
      memcpy(&next, rest, sizeof next);
      next = deposit(next + 0x0101010101010101, bytes_of_bits(word & 0xff));
      memcpy(numbers + start + lane, &next, sizeof next);
      rest += __builtin_popcountll(word & 0xff);
    }
#else
    for (size_t lane = 0; lane < WORD; lane++, word >>= 1) {
      numbers[start + lane] = (uint8_t)((*rest + 1) & -(word & 1));
      rest += word & 1;
    }
#endif
  }
}
