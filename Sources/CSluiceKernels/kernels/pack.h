// Kept elements as differences from the base's bit patterns, sorted by the base's exponent, and back.
//
// A pattern is the bits of an element as an unsigned number. The code of an element is the zigzag of
// its pattern minus the base's, so that small changes are small numbers of either sign. How large the
// codes are goes with the base's exponent, the class of an element: sorted by it they compress to
// about two thirds.
#pragma once

#include "vectors.h"

// 0 for a base of 1 or more in magnitude, one more for each halving, up to 15.
INLINE unsigned exponent_class(uint32_t pattern, sluice_dtype dtype) {
  int exponent = dtype == SLUICE_F16    ? 15 - (int)(pattern >> 10 & 31)
                 : dtype == SLUICE_BF16 ? 127 - (int)(pattern >> 7 & 255)
                                        : 127 - (int)(pattern >> 23 & 255);
  return exponent < 0 ? 0 : exponent > 15 ? 15 : (unsigned)exponent;
}

INLINE uint32_t pattern_at(const char *cells, size_t index, size_t width) {
  if (width == 2) {
    uint16_t pattern;
    memcpy(&pattern, cells + index * 2, 2);
    return pattern;
  }
  uint32_t pattern;
  memcpy(&pattern, cells + index * 4, 4);
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

INLINE size_t pack_as(sluice_dtype dtype, size_t width, const char *tuned, const char *base,
                      const uint64_t *keep, size_t count, uint32_t *codes, uint8_t *classes) {
  size_t packed = 0;
  for (size_t start = 0; start < count; start += WORD) {
    for (uint64_t word = *keep++; word != 0; word &= word - 1) {
      size_t index = start + (size_t)__builtin_ctzll(word);
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
                     uint32_t positions[16], uint8_t *planes) {
  for (size_t index = 0; index < count; index++) {
    size_t place = positions[classes[index]]++;
    for (size_t plane = 0; plane < width; plane++) {
      planes[plane * count + place] = (uint8_t)(codes[index] >> 8 * plane);
    }
  }
}

static void split(const uint32_t *codes, const uint8_t *classes, size_t count, size_t width,
                  uint32_t *class_counts, uint8_t *planes) {
  uint32_t positions[16];
  memset(class_counts, 0, 16 * sizeof *class_counts);
  for (size_t index = 0; index < count; index++) class_counts[classes[index]]++;
  uint32_t next = 0;
  for (int class = 0; class < 16; class++) {
    positions[class] = next;
    next += class_counts[class];
  }
  if (width == 2) {
    split_by(2, codes, classes, count, positions, planes);
  } else {
    split_by(4, codes, classes, count, positions, planes);
  }
}

// False if the base has more elements of a class than there are codes: it is another base.
INLINE bool unpack_as(sluice_dtype dtype, size_t width, const char *base, const uint64_t *keep,
                      size_t count, const uint8_t *planes, size_t plane_length,
                      uint32_t positions[16], const uint32_t ends[16], char *out) {
  memcpy(out, base, count * width);
  for (size_t start = 0; start < count; start += WORD) {
    for (uint64_t word = *keep++; word != 0; word &= word - 1) {
      size_t index = start + (size_t)__builtin_ctzll(word);
      uint32_t pattern = pattern_at(base, index, width);
      unsigned class = exponent_class(pattern, dtype);
      size_t place = positions[class];
      if (place >= ends[class]) return false;
      positions[class]++;
      uint32_t code = planes[place];
      for (size_t plane = 1; plane < width; plane++) {
        code |= (uint32_t)planes[plane * plane_length + place] << 8 * plane;
      }
      uint32_t changed = pattern_of(code, pattern);
      memcpy(out + index * width, &changed, width);
    }
  }
  return true;
}

static bool unpack(const void *base, sluice_dtype dtype, const uint64_t *keep, size_t count,
                   const uint8_t *planes, size_t plane_length, uint32_t *positions,
                   const uint32_t *ends, void *out) {
#define UNPACK(constant, width)                                                            \
  unpack_as(constant, width, base, keep, count, planes, plane_length, positions, ends, out)
  switch (dtype) {
    case SLUICE_F16: return UNPACK(SLUICE_F16, 2);
    case SLUICE_BF16: return UNPACK(SLUICE_BF16, 2);
    default: return UNPACK(SLUICE_F32, 4);
  }
#undef UNPACK
}
