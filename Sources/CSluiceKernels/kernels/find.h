// Finding runs in the record of a histogram as records.h writes it, 64 bytes at a time.
#pragma once

#include "records.h"
#include "vectors.h"

// The bytes of a block, and zeros where it is shorter.
INLINE u8x64 load_block(const uint8_t *from, size_t count) {
  u8x64 block = 0;
  if (count >= WORD) {
    memcpy(&block, from, WORD);
  } else {
    memcpy(&block, from, count);
  }
  return block;
}

// Which of 64 bytes a comparison met.
INLINE uint64_t block_word(u8x64 comparison) {
  const bit64 bits = __builtin_convertvector(comparison, bit64);
  uint64_t word;
  memcpy(&word, &bits, sizeof word);
  return word;
}

// The sums of each two, and of each four neighbours.
INLINE u64x8 sums_of_two(u8x64 block) {
  const u64x8 words = (u64x8)block;
  return (words & 0x00ff00ff00ff00ff) + (words >> 8 & 0x00ff00ff00ff00ff);
}
INLINE u64x8 sums_of_four(u8x64 block) {
  const u64x8 pairs = sums_of_two(block);
  return (pairs & 0x0000ffff0000ffff) + (pairs >> 16 & 0x0000ffff0000ffff);
}

// The sum of all 64.
INLINE uint64_t block_sum(u8x64 block) {
  // Four sums of at most 16 times 255 stand in one word.
  return __builtin_reduce_add(sums_of_two(block)) * 0x0001000100010001 >> 48;
}

// The number of seven bits in each byte that ends before a place, which moves to where it begins. A list that was not
// written so may have none.
INLINE uint64_t last_number(const uint8_t *list, size_t *end) {
  if (*end == 0) return LISTED_COUNT;
  size_t start = *end - 1;
  while (start > 0 && list[start - 1] >= 0x80) start--;
  uint64_t number = 0;
  unsigned shift = 0;
  for (size_t place = start; place < *end && shift < 63; place++, shift += 7) {
    number |= (uint64_t)(list[place] & 0x7f) << shift;
  }
  *end = start;
  return number;
}

// Large magnitudes are few, and have few elements: so it looks from the end.
static sluice_found_run find_largest(const uint8_t *counts, size_t run_count, const uint8_t *list,
                                     size_t list_length, uint64_t position) {
  // More is in no list that was written; 64 of them have a sum.
  const uint64_t most = 1ull << 56;
  uint64_t above = 0;
  for (size_t end = run_count; end > 0;) {
    const size_t start = end < WORD ? 0 : end - WORD;
    const u8x64 block = load_block(counts + start, end - start);
    uint64_t sum = block_sum(block);
    size_t length = list_length;
    for (uint64_t left = block_word((u8x64)(block == LISTED_COUNT)); left != 0; left &= left - 1) {
      const uint64_t number = last_number(list, &length);
      sum += (number < most ? number : most) - LISTED_COUNT;
    }
    if (above + sum < position) {
      above += sum;
      list_length = length;
      end = start;
      continue;
    }
    while (end > start) {
      end--;
      const uint64_t own =
          counts[end] == LISTED_COUNT ? last_number(list, &list_length) : counts[end];
      if (own >= position - above) {
        return (sluice_found_run){.run = end, .count = own, .above = above};
      }
      above += own;
    }
  }
  return (sluice_found_run){.run = run_count};
}

static uint32_t find_bits(const uint8_t *steps, size_t run, const uint8_t *listed_steps,
                          size_t listed_count, const uint8_t *lows, size_t low_count) {
  u64x8 sums = 0;
  size_t listed = 0, odd = 0;
  for (size_t start = 0; start <= run; start += WORD) {
    const size_t left = run + 1 - start;
    const u8x64 block = load_block(steps + start, left < WORD ? left : WORD);
    sums += sums_of_four((u8x64)((u64x8)block >> 2 & 0x3f3f3f3f3f3f3f3f));
    listed += (size_t)__builtin_popcountll(block_word((u8x64)(block >= LISTED_STEP << 2)));
    odd += (size_t)__builtin_popcountll(block_word((u8x64)((block & 1) != 0)));
  }
  const u64x8 low_halves = sums & 0xffffffff;
  uint64_t upper = __builtin_reduce_add(low_halves + (sums >> 32));
  if (listed > listed_count) listed = listed_count;
  for (size_t place = 0; place < listed; place++) {
    uint16_t step;
    memcpy(&step, listed_steps + place * sizeof step, sizeof step);
    upper += (uint64_t)step - LISTED_STEP;
  }
  uint16_t low = 0;
  if ((steps[run] & 1) != 0 && odd <= low_count) {
    memcpy(&low, lows + (odd - 1) * sizeof low, sizeof low);
  }
  return (uint32_t)upper << STEP_SHIFT | low;
}
