// Levels of Rice codes, 64 numbers at a time, where one instruction moves bytes together or apart.
#pragma once

#include "byte_lanes.h"
#include "unrice.h"

static size_t divide_level_bytes(uint8_t *numbers, size_t count, uint8_t *bits) {
  size_t left = 0;
  for (size_t start = 0; start < count; start += WORD) {
    u8x64 all;
    memcpy(&all, numbers + start, sizeof all);
    uint64_t word = word_of_bytes(all != (uint8_t)0) & first_bits(count - start);
    u8x64 rest = moved_together(all - (uint8_t)1, word);
    memcpy(numbers + left, &rest, sizeof rest);
    memcpy(bits + start / 8, &word, sizeof word);
    left += (size_t)__builtin_popcountll(word);
  }
  return left;
}

static void join_level_bytes(const uint8_t *rest, const uint8_t *bits, size_t count,
                             uint8_t *numbers) {
  for (size_t start = 0; start < count; start += WORD) {
    uint64_t word;
    memcpy(&word, bits + start / 8, sizeof word);
    word &= first_bits(count - start);
    u8x64 next;
    memcpy(&next, rest, sizeof next);
    u8x64 all = moved_apart(next + (uint8_t)1, word);
    memcpy(numbers + start, &all, sizeof all);
    rest += __builtin_popcountll(word);
  }
}

static size_t rice_encode_bytes(const uint8_t *low, const uint8_t *high, size_t count,
                                sluice_rice code, uint8_t *quotients, uint8_t *out, size_t room) {
  return rice_encode_by(divide_level_bytes, low, high, count, code, quotients, out, room);
}

static bool rice_decode_bytes(const uint8_t *in, size_t length, size_t count, uint8_t *quotients,
                              uint8_t *low, uint8_t *high) {
  return rice_decode_by(join_level_bytes, in, length, count, quotients, low, high);
}
