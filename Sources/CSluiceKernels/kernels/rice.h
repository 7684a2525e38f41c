// Bytes or pairs of bytes as Rice codes, and back (Rice and Plaunt, 1971): the lower bits of each number as they are,
// and how often the rest counts up in unary.
//
// Small numbers of either sign, and none of the smallest: so they are counted from an offset on, and may be folded, so
// that those just below zero, modulo the width, follow those just above. The unary part is laid out level by level: one
// bit for each number says whether it goes on, then one bit for each that does, so that whole words are made and read
// at a time. After eight levels what is left is there as it is.
//
//     0   number of lower bits (0 to 7), and 8 if folded
//     1   0
//     2   offset (two bytes)
//     4   number of those that are there as they are (four bytes)
//     8   the lower bits, number after number; the whole numbers; the words of each level, in whole bytes
#pragma once

#include "rice_levels.h"

// A number as it is coded: folded, and from the offset on.
INLINE uint16_t rice_number(uint16_t value, bool is_pair, sluice_rice code) {
  if (!is_pair) {
    if (code.is_folded) value = (uint8_t)(value << 1) ^ (uint8_t)((int8_t)value >> 7);
    return (uint8_t)(value - code.offset);
  }
  if (code.is_folded) value = (uint16_t)(value << 1) ^ (uint16_t)((int16_t)value >> 15);
  return (uint16_t)(value - code.offset);
}

INLINE uint16_t rice_value(uint16_t number, bool is_pair, sluice_rice code) {
  if (!is_pair) {
    uint8_t byte = (uint8_t)(number + code.offset);
    return code.is_folded ? (uint8_t)(byte >> 1 ^ -(byte & 1)) : byte;
  }
  uint16_t pair = (uint16_t)(number + code.offset);
  return code.is_folded ? (uint16_t)(pair >> 1 ^ -(pair & 1)) : pair;
}

// Which code fits numbers of which these are some.
typedef struct {
  uint32_t count;
  uint16_t values[RICE_SAMPLE];
} rice_sample;

// The bits of all numbers of a sample, counted from `offset` on.
INLINE uint32_t rice_bits(const rice_sample *sample, uint16_t offset, uint16_t mask, int shift) {
  uint32_t ones = 0, wholes = 0;
  for (uint32_t i = 0; i < sample->count; i++) {
    uint16_t quotient = (uint16_t)((uint16_t)(sample->values[i] - offset) & mask) >> shift;
    ones += quotient < RICE_LEVELS ? quotient + 1u : RICE_LEVELS;
    wholes += quotient >= RICE_LEVELS;
  }
  return ones + wholes * (mask == 0xff ? 8 : 16) + sample->count * (uint32_t)shift;
}

// The offset is about the least number but for one in a hundred, which wrap around and become large: of four parts of
// the sample each has a least, and this is the second.
INLINE uint16_t rice_offset(const rice_sample *sample) {
  uint32_t part = sample->count / 4;
  uint16_t first = UINT16_MAX, second = UINT16_MAX;
  for (uint32_t start = 0; start < 4 * part; start += part) {
    uint16_t least = UINT16_MAX;
    for (uint32_t i = start; i < start + part; i++) {
      least = sample->values[i] < least ? sample->values[i] : least;
    }
    if (least < first) {
      second = first;
      first = least;
    } else if (least < second) {
      second = least;
    }
  }
  return part == 0 ? sample->values[0] : second;
}

// The best code for a sample, and its bits.
INLINE uint32_t rice_best(const rice_sample *sample, bool is_pair, bool is_folded, sluice_rice *best) {
  uint16_t offset = rice_offset(sample);
  uint32_t least = UINT32_MAX;
  for (int shift = 0; shift < 8; shift++) {
    uint32_t bits = rice_bits(sample, offset, is_pair ? 0xffff : 0xff, shift);
    if (bits >= least) break;
    least = bits;
    *best = (sluice_rice){(uint8_t)shift, is_pair, is_folded, offset};
  }
  return least;
}

INLINE void rice_fold(rice_sample *sample) {
  const sluice_rice folded = {0, false, true, 0};
  for (uint32_t i = 0; i < sample->count; i++) {
    sample->values[i] = rice_number(sample->values[i], false, folded);
  }
}

// An eighth of the numbers, but not too few, nor too many.
INLINE uint32_t rice_sample_count(size_t count) {
  size_t wanted = count / 8 < RICE_LEAST_SAMPLE ? RICE_LEAST_SAMPLE : count / 8;
  wanted = wanted < RICE_SAMPLE ? wanted : RICE_SAMPLE;
  return (uint32_t)(wanted < count ? wanted : count);
}

static sluice_rice rice_choose(const uint8_t *low, const uint8_t *high, size_t count) {
  rice_sample lower, upper, pairs;
  lower.count = upper.count = pairs.count = rice_sample_count(count);
  size_t step = count / lower.count;
  for (uint32_t i = 0; i < lower.count; i++) {
    lower.values[i] = low[i * step];
    upper.values[i] = high == NULL ? 0 : high[i * step];
    pairs.values[i] = (uint16_t)(lower.values[i] | upper.values[i] << 8);
  }
  sluice_rice best, other;
  if (high == NULL) {
    rice_best(&lower, false, false, &best);
    return best;
  }
  // Both bytes as one number; or the lower ones as they are, and the upper ones coded.
  uint32_t least = rice_best(&pairs, true, false, &best);
  for (int folded = 0; folded < 2; folded++) {
    if (folded) rice_fold(&upper);
    uint32_t bits = 8 * lower.count + rice_best(&upper, false, folded, &other);
    if (bits >= least) continue;
    least = bits;
    best = other;
  }
  return best;
}

// The numbers of 64 elements: their quotients, at most RICE_LEVELS, and their lower bits.
INLINE u8x64 rice_divided(const uint8_t *low, const uint8_t *high, size_t here, sluice_rice code,
                          u8x64 *lower) {
  const uint8_t mask = (uint8_t)((1 << code.shift) - 1);
  u8x64 lows = load_bytes(low, here);
  if (high == NULL) {
    if (code.is_folded) lows = (lows << (uint8_t)1) ^ (u8x64)((s8x64)lows >> (int8_t)7);
    lows -= (uint8_t)code.offset;
    *lower = lows & mask;
    const u8x64 most = RICE_LEVELS;
    return __builtin_elementwise_min(lows >> code.shift, most);
  }
  u16x64 pairs = __builtin_convertvector(lows, u16x64) |
                 __builtin_convertvector(load_bytes(high, here), u16x64) << (uint16_t)8;
  if (code.is_folded) pairs = (pairs << (uint16_t)1) ^ (u16x64)((s16x64)pairs >> (int16_t)15);
  pairs -= code.offset;
  *lower = __builtin_convertvector(pairs, u8x64) & mask;
  const u16x64 most = RICE_LEVELS;
  u16x64 quotients = __builtin_elementwise_min(pairs >> (uint16_t)code.shift, most);
  return __builtin_convertvector(quotients, u8x64);
}

INLINE uint16_t rice_at(const uint8_t *low, const uint8_t *high, size_t index) {
  return (uint16_t)(low[index] | (high == NULL ? 0 : high[index] << 8));
}

INLINE size_t rice_encode_as(bool is_pair, rice_divide *divide, const uint8_t *low, const uint8_t *high,
                             size_t count, sluice_rice code, uint8_t *quotients, uint8_t *out,
                             size_t room) {
  size_t lower_length = (count * code.shift + 7) / 8, width = is_pair ? 2 : 1;
  size_t end = RICE_HEADER + lower_length;
  if (end > room) return 0;
  uint8_t *lower = out + RICE_HEADER;
  uint32_t wholes = 0;
  for (size_t start = 0; start < count; start += WORD) {
    size_t here = count - start < WORD ? count - start : WORD;
    u8x64 bits;
    u8x64 quotient = rice_divided(low + start, is_pair ? high + start : NULL, here, code, &bits);
    if (here < WORD) {
      quotient &= first_lanes(here);
      bits &= first_lanes(here);
    }
    memcpy(quotients + start, &quotient, sizeof quotient);
    if (code.shift > 0 && start + 2 * WORD <= count) {
      store_lower_bits(lower, bits, code.shift);
    } else {
      // What is stored behind the last bits would be among the whole numbers.
      uint8_t last[WORD + 8];
      store_lower_bits(last, bits, code.shift);
      memcpy(lower, last, (here * code.shift + 7) / 8);
    }
    lower += 8 * code.shift;
    for (uint64_t whole = rice_wholes(quotient); whole != 0; whole &= whole - 1) {
      if (end + width > room) return 0;
      size_t index = start + (size_t)__builtin_ctzll(whole);
      uint16_t number = rice_number(rice_at(low, is_pair ? high : NULL, index), is_pair, code);
      memcpy(out + end, &number, width);
      end += width;
      wholes++;
    }
  }
  size_t left = count;
  for (int level = 0; level < RICE_LEVELS && left > 0; level++) {
    size_t length = (left + 7) / 8;
    if (end + length > room) return 0;
    left = divide(quotients, left, out + end);
    end += length;
  }
  memset(out, 0, RICE_HEADER);
  out[0] = (uint8_t)(code.shift | (code.is_folded ? RICE_FOLDED : 0));
  memcpy(out + 2, &code.offset, sizeof code.offset);
  memcpy(out + 4, &wholes, sizeof wholes);
  return end;
}

INLINE size_t rice_encode_by(rice_divide *divide, const uint8_t *low, const uint8_t *high,
                             size_t count, sluice_rice code, uint8_t *quotients, uint8_t *out,
                             size_t room) {
  return high == NULL
             ? rice_encode_as(false, divide, low, NULL, count, code, quotients, out, room)
             : rice_encode_as(true, divide, low, high, count, code, quotients, out, room);
}

static size_t rice_encode(const uint8_t *low, const uint8_t *high, size_t count, sluice_rice code,
                          uint8_t *quotients, uint8_t *out, size_t room) {
  return rice_encode_by(divide_level, low, high, count, code, quotients, out, room);
}
