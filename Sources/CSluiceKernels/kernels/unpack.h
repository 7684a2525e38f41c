// Kept elements put back among the base's.
#pragma once

#include "pack.h"

#if SLUICE_LANE_MOVES
enum { UNPACKED = 4096 };

// A block of elements in three steps: the classes of the kept ones, their codes, and all patterns.
INLINE bool unpack_block(sluice_dtype dtype, size_t width, const char *base, const uint64_t *keep,
                         size_t count, const uint8_t *planes, size_t plane_length,
                         uint32_t positions[CLASSES], const uint32_t ends[CLASSES], char *out) {
  uint8_t classes[UNPACKED + LANES];
  uint32_t codes[UNPACKED + LANES];
  size_t kept = 0;
  for (size_t start = 0; start < count; start += LANES) {
    uint64_t bits = keep[start / WORD] >> start % WORD & 0xffff;
    store_kept_bytes(classes + kept, exponent_classes(patterns_at(base, start, width), dtype), bits);
    kept += (size_t)__builtin_popcountll(bits);
  }
  class_runs runs = counted_runs(classes, kept);
  place_runs(&runs, positions);
  for (int class = 0; class < CLASSES; class++) {
    if (positions[class] > ends[class]) return false;
  }
#define STEP(index, place)                                                \
  uint32_t code = planes[place];                                          \
  for (size_t plane = 1; plane < width; plane++) {                        \
    code |= (uint32_t)planes[plane * plane_length + place] << 8 * plane;  \
  }                                                                       \
  codes[index] = code
  FOR_EACH_PLACE(&runs, classes, kept, STEP);
#undef STEP
  kept = 0;
  for (size_t start = 0; start < count; start += LANES) {
    uint64_t bits = keep[start / WORD] >> start % WORD & 0xffff;
    u32x16 bases = patterns_at(base, start, width);
    u32x16 code = load_kept(codes + kept, bits);
    u32x16 changed = bases + (code >> 1 ^ -(code & 1));
    changed = lanes_of(bits) ? changed : bases;
    kept += (size_t)__builtin_popcountll(bits);
    if (width == 2) {
      u16x16 narrow = __builtin_convertvector(changed, u16x16);
      memcpy(out + start * 2, &narrow, sizeof narrow);
    } else {
      memcpy(out + start * 4, &changed, sizeof changed);
    }
  }
  return true;
}
#endif

// False if the base has more elements of a class than there are codes: it is another base.
INLINE bool unpack_as(sluice_dtype dtype, size_t width, const char *base, const uint64_t *keep,
                      size_t count, const uint8_t *planes, size_t plane_length,
                      uint32_t positions[CLASSES], const uint32_t ends[CLASSES], char *out) {
  size_t whole = 0;
#if SLUICE_LANE_MOVES
  while (whole + LANES <= count) {
    size_t block = count - whole < UNPACKED ? (count - whole) / LANES * LANES : UNPACKED;
    if (!unpack_block(dtype, width, base + whole * width, keep + whole / WORD, block, planes,
                      plane_length, positions, ends, out + whole * width)) {
      return false;
    }
    whole += block;
  }
#endif
  memcpy(out + whole * width, base + whole * width, (count - whole) * width);
  for (size_t start = whole / WORD * WORD; start < count; start += WORD) {
    uint64_t word = keep[start / WORD];
    // What the blocks had of it is done.
    if (start < whole) word &= ~0ull << (whole - start);
    for (; word != 0; word &= word - 1) {
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
