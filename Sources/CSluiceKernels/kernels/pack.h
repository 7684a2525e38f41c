// Kept elements as differences from the base's bit patterns, sorted by the base's exponent, and back.
//
// A pattern is the bits of an element as an unsigned number. The code of an element is the zigzag of
// its pattern minus the base's, so that small changes are small numbers of either sign. How large the
// codes are goes with the base's exponent, the class of an element: sorted by it they compress to
// about two thirds.
#pragma once

#include "classes.h"
#include "lanes.h"

INLINE uint32_t pattern_at(const char *cells, size_t index, size_t width) {
  uint32_t pattern = 0;
  memcpy(&pattern, cells + index * width, width);
  return pattern;
}

INLINE uint32_t code_of(uint32_t pattern, uint32_t base, size_t width) {
  if (width == 2) {
    int16_t difference = (int16_t)(uint16_t)(pattern - base);
    return (uint16_t)((uint16_t)difference << 1) ^ (uint16_t)(difference >> 15);
  }
  int32_t difference = (int32_t)(pattern - base);
  return (uint32_t)difference << 1 ^ (uint32_t)(difference >> 31);
}

INLINE uint32_t pattern_of(uint32_t code, uint32_t base) {
  return base + (code >> 1 ^ -(code & 1));
}

#if SLUICE_LANE_MOVES
// The same for 16 elements.
INLINE u32x16 patterns_at(const char *cells, size_t index, size_t width) {
  if (width == 2) {
    u16x16 patterns;
    memcpy(&patterns, cells + index * 2, sizeof patterns);
    return __builtin_convertvector(patterns, u32x16);
  }
  u32x16 patterns;
  memcpy(&patterns, cells + index * 4, sizeof patterns);
  return patterns;
}

INLINE u32x16 codes_of(u32x16 patterns, u32x16 bases, size_t width) {
  if (width == 2) {
    s16x16 difference = __builtin_convertvector(patterns - bases, s16x16);
    u16x16 codes = (u16x16)(difference << (int16_t)1) ^ (u16x16)(difference >> (int16_t)15);
    return __builtin_convertvector(codes, u32x16);
  }
  s32x16 difference = (s32x16)(patterns - bases);
  return (u32x16)(difference << 1) ^ (u32x16)(difference >> 31);
}

INLINE u8x16 exponent_classes(u32x16 patterns, sluice_dtype dtype) {
  s32x16 exponents = (s32x16)(dtype == SLUICE_F16    ? patterns >> 10 & 31
                              : dtype == SLUICE_BF16 ? patterns >> 7 & 255
                                                     : patterns >> 23 & 255);
  const s32x16 least = 0, most = CLASSES - 1;
  s32x16 classes = __builtin_elementwise_max(one_exponent(dtype) - exponents, least);
  return __builtin_convertvector(__builtin_elementwise_min(classes, most), u8x16);
}
#endif

INLINE size_t pack_as(sluice_dtype dtype, size_t width, const char *tuned, const char *base,
                      const uint64_t *keep, size_t count, uint32_t *codes, uint8_t *classes) {
  size_t packed = 0;
  for (size_t start = 0; start < count; start += WORD) {
    uint64_t word = *keep++;
#if SLUICE_LANE_MOVES
    // At most as many are packed as were seen, and so there is room for all lanes.
    size_t lane = 0;
    for (; word != 0 && start + lane + LANES <= count && lane < WORD; lane += LANES, word >>= LANES) {
      uint64_t bits = word & 0xffff;
      u32x16 bases = patterns_at(base, start + lane, width);
      store_kept(codes + packed, codes_of(patterns_at(tuned, start + lane, width), bases, width), bits);
      store_kept_bytes(classes + packed, exponent_classes(bases, dtype), bits);
      packed += (size_t)__builtin_popcountll(bits);
    }
    size_t done = lane;
#else
    size_t done = 0;
#endif
    for (; word != 0; word &= word - 1) {
      size_t index = start + done + (size_t)__builtin_ctzll(word);
      uint32_t pattern = pattern_at(base, index, width);
      codes[packed] = code_of(pattern_at(tuned, index, width), pattern, width);
      classes[packed++] = (uint8_t)exponent_class(pattern, dtype);
    }
  }
  return packed;
}

static size_t pack(const void *tuned, const void *base, sluice_dtype dtype, const uint64_t *keep,
                   size_t count, uint32_t *codes, uint8_t *classes) {
  switch (dtype) {
    case SLUICE_F16: return pack_as(SLUICE_F16, 2, tuned, base, keep, count, codes, classes);
    case SLUICE_BF16: return pack_as(SLUICE_BF16, 2, tuned, base, keep, count, codes, classes);
    default: return pack_as(SLUICE_F32, 4, tuned, base, keep, count, codes, classes);
  }
}

// Sorts codes by class and takes their bytes apart: plane after plane, least significant first.
INLINE void split_by(size_t width, const uint32_t *codes, const uint8_t *classes, size_t count,
                     class_runs *runs, uint8_t *planes) {
#define STEP(index, place)                                             \
  for (size_t plane = 0; plane < width; plane++) {                     \
    planes[plane * count + place] = (uint8_t)(codes[index] >> 8 * plane); \
  }
  FOR_EACH_PLACE(runs, classes, count, STEP);
#undef STEP
}

static void split(const uint32_t *codes, const uint8_t *classes, size_t count, size_t width,
                  uint32_t *class_counts, uint8_t *planes) {
  class_runs runs = counted_runs(classes, count);
  uint32_t positions[CLASSES];
  uint32_t next = 0;
  for (int class = 0; class < CLASSES; class++) {
    class_counts[class] = 0;
    for (int run = 0; run < RUNS; run++) class_counts[class] += runs.next[run][class];
    positions[class] = next;
    next += class_counts[class];
  }
  place_runs(&runs, positions);
  if (width == 2) {
    split_by(2, codes, classes, count, &runs, planes);
  } else {
    split_by(4, codes, classes, count, &runs, planes);
  }
}
