// Rice codes read back; nothing in them is believed.
#pragma once

#include "rice.h"

// Where the parts of a section are, and how many numbers each level has.
typedef struct {
  sluice_rice code;
  const uint8_t *lower, *wholes;
  const uint8_t *bits[RICE_LEVELS];
  size_t counts[RICE_LEVELS + 1];
} rice_parts;

// How many bits are set of so many; -1 if there are others in the last byte.
INLINE ptrdiff_t rice_count(const uint8_t *bits, size_t count) {
  ptrdiff_t set = 0;
  for (size_t start = 0; start < count; start += WORD) {
    uint64_t word;
    memcpy(&word, bits + start / 8, sizeof word);
    if (count - start < WORD) {
      word &= first_bits((count - start + 7) / 8 * 8);
      if (word & ~first_bits(count - start)) return -1;
    }
    set += __builtin_popcountll(word);
  }
  return set;
}

// False if a section contradicts itself.
INLINE bool rice_read(const uint8_t *in, size_t length, size_t count, bool is_pair, rice_parts *parts) {
  if (length < RICE_HEADER || in[0] >= 2 * RICE_FOLDED || in[1] != 0) return false;
  sluice_rice code = {.shift = in[0] & 7, .is_pair = is_pair, .is_folded = in[0] >= RICE_FOLDED};
  memcpy(&code.offset, in + 2, sizeof code.offset);
  uint32_t wholes;
  memcpy(&wholes, in + 4, sizeof wholes);
  if (wholes > count || (!is_pair && code.offset > 0xff)) return false;
  parts->code = code;
  parts->lower = in + RICE_HEADER;
  size_t end = RICE_HEADER + (count * code.shift + 7) / 8;
  parts->wholes = in + end;
  end += wholes * (is_pair ? 2 : 1);
  parts->counts[0] = count;
  for (int level = 0; level < RICE_LEVELS; level++) {
    size_t bytes = (parts->counts[level] + 7) / 8;
    if (end > length || bytes > length - end) return false;
    parts->bits[level] = in + end;
    ptrdiff_t set = rice_count(in + end, parts->counts[level]);
    if (set < 0) return false;
    parts->counts[level + 1] = (size_t)set;
    end += bytes;
  }
  return end == length && parts->counts[RICE_LEVELS] == wholes;
}

// 64 numbers from their quotients and lower bits.
INLINE void rice_joined(u8x64 quotients, u8x64 lower, sluice_rice code, size_t here, uint8_t *low,
                        uint8_t *high) {
  if (high == NULL) {
    u8x64 bytes = (quotients << code.shift | lower) + (uint8_t)code.offset;
    if (code.is_folded) bytes = bytes >> (uint8_t)1 ^ -(bytes & (uint8_t)1);
    memcpy(low, &bytes, here);
    return;
  }
  u16x64 pairs = __builtin_convertvector(quotients, u16x64) << (uint16_t)code.shift |
                 __builtin_convertvector(lower, u16x64);
  pairs += code.offset;
  if (code.is_folded) pairs = pairs >> (uint16_t)1 ^ -(pairs & (uint16_t)1);
  u8x64 lows = __builtin_convertvector(pairs, u8x64);
  u8x64 highs = __builtin_convertvector(pairs >> (uint16_t)8, u8x64);
  memcpy(low, &lows, here);
  memcpy(high, &highs, here);
}

INLINE void rice_decode_as(bool is_pair, const rice_parts *parts, size_t count,
                           const uint8_t *quotients, uint8_t *low, uint8_t *high) {
  const uint8_t *lower = parts->lower, *wholes = parts->wholes;
  size_t width = is_pair ? 2 : 1;
  for (size_t start = 0; start < count; start += WORD, lower += 8 * parts->code.shift) {
    size_t here = count - start < WORD ? count - start : WORD;
    u8x64 quotient;
    memcpy(&quotient, quotients + start, sizeof quotient);
    rice_joined(quotient, load_lower_bits(lower, parts->code.shift), parts->code, here, low + start,
                is_pair ? high + start : NULL);
    for (uint64_t whole = rice_wholes(quotient) & first_bits(here); whole != 0; whole &= whole - 1) {
      size_t index = start + (size_t)__builtin_ctzll(whole);
      uint16_t number = 0;
      memcpy(&number, wholes, width);
      wholes += width;
      uint16_t value = rice_value(number, is_pair, parts->code);
      low[index] = (uint8_t)value;
      if (is_pair) high[index] = (uint8_t)(value >> 8);
    }
  }
}

INLINE bool rice_decode_by(rice_join *join, const uint8_t *in, size_t length, size_t count,
                           uint8_t *quotients, uint8_t *low, uint8_t *high) {
  rice_parts parts;
  if (!rice_read(in, length, count, high != NULL, &parts)) return false;
  // Level by level into the other half of the quotients; what is beyond the last level begins as zeros.
  uint8_t *from = quotients, *to = quotients + count + WORD;
  memset(from, 0, parts.counts[RICE_LEVELS] + WORD);
  for (int level = RICE_LEVELS - 1; level >= 0; level--) {
    join(from, parts.bits[level], parts.counts[level], to);
    uint8_t *other = from;
    from = to;
    to = other;
  }
  if (high == NULL) {
    rice_decode_as(false, &parts, count, from, low, NULL);
  } else {
    rice_decode_as(true, &parts, count, from, low, high);
  }
  return true;
}

static bool rice_decode(const uint8_t *in, size_t length, size_t count, uint8_t *quotients,
                        uint8_t *low, uint8_t *high) {
  return rice_decode_by(join_level, in, length, count, quotients, low, high);
}
