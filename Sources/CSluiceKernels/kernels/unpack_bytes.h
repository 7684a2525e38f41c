// Codes put back among the base's elements, 64 at a time.
#pragma once

#include "byte_lanes.h"
#include "unpack.h"

typedef short v32hi __attribute__((vector_size(64)));

// The classes of 64 elements of two bytes.
INLINE u8x64 word_classes(u16x64 patterns, sluice_dtype dtype) {
  u8x64 exponents = dtype == SLUICE_F16
                        ? __builtin_convertvector(patterns >> (uint16_t)10, u8x64) & (uint8_t)31
                        : __builtin_convertvector(patterns >> (uint16_t)7, u8x64);
  const u8x64 one = (uint8_t)one_exponent(dtype), most = CLASSES - 1;
  return __builtin_elementwise_min(__builtin_elementwise_sub_sat(one, exponents), most);
}

// The planes of a frame while it is unpacked.
typedef struct {
  const uint8_t *lower, *upper;
  uint32_t next[CLASSES];
  const uint32_t *ends;
  // The classes that are not seldom, and those of them with an upper byte that is not zero.
  uint8_t used[CLASSES], long_ones[CLASSES];
  int used_count, long_count;
} code_runs;

INLINE code_runs code_runs_of(const uint8_t *planes, size_t plane_length,
                              const uint32_t *positions, const uint32_t *ends) {
  code_runs runs = {.lower = planes, .upper = planes + plane_length, .ends = ends};
  memcpy(runs.next, positions, sizeof runs.next);
  for (int class = 0; class < CLASSES; class++) {
    // Most calls are for a whole frame: what is left of a class is all of it.
    uint32_t length = ends[class] - positions[class];
    if (length == 0 || length < plane_length / SELDOM) continue;
    runs.used[runs.used_count++] = (uint8_t)class;
    u8x64 all = 0;
    uint32_t index = positions[class];
    for (; index + WORD <= ends[class]; index += WORD) all |= load_bytes(runs.upper + index, WORD);
    if (index < ends[class]) all |= load_bytes(runs.upper + index, ends[class] - index);
    if (word_of_bytes(all != (uint8_t)0) != 0) runs.long_ones[runs.long_count++] = (uint8_t)class;
  }
  return runs;
}

// The next bytes of a run, of which so many are wanted.
INLINE u8x64 next_of_run(const uint8_t *plane, uint32_t next, size_t count) {
  return count <= HALF ? load_bytes(plane + next, HALF) : load_bytes(plane + next, WORD);
}

// The codes of 64 kept elements by their classes. False if a class has no codes left.
INLINE bool take_codes(code_runs *runs, const uint8_t *classes, size_t here, uint16_t *codes) {
  u8x64 of_class = load_bytes(classes, here);
  uint64_t chosen[CLASSES], left = first_bits(here);
  u8x64 lower = 0, upper = 0;
  for (int i = 0; i < runs->used_count; i++) {
    int class = runs->used[i];
    chosen[class] = word_of_bytes(of_class == (uint8_t)class) & first_bits(here);
    left &= ~chosen[class];
    size_t count = (size_t)__builtin_popcountll(chosen[class]);
    lower |= moved_apart(next_of_run(runs->lower, runs->next[class], count), chosen[class]);
  }
  for (int i = 0; i < runs->long_count; i++) {
    int class = runs->long_ones[i];
    size_t count = (size_t)__builtin_popcountll(chosen[class]);
    upper |= moved_apart(next_of_run(runs->upper, runs->next[class], count), chosen[class]);
  }
  bool fits = true;
  for (int i = 0; i < runs->used_count; i++) {
    int class = runs->used[i];
    runs->next[class] += (uint32_t)__builtin_popcountll(chosen[class]);
    fits &= runs->next[class] <= runs->ends[class];
  }
  u16x64 both = __builtin_convertvector(lower, u16x64) |
                __builtin_convertvector(upper, u16x64) << (uint16_t)8;
  memcpy(codes, &both, sizeof both);
  for (; left != 0; left &= left - 1) {
    int index = __builtin_ctzll(left), class = classes[index];
    uint32_t place = runs->next[class];
    if (place >= runs->ends[class]) return false;
    runs->next[class]++;
    codes[index] = (uint16_t)(runs->lower[place] | runs->upper[place] << 8);
  }
  return fits;
}

// Half a word of elements with the next codes in those that are kept; a code of zero changes nothing.
INLINE u16x32 changed_half(u16x32 bases, const uint16_t *codes, uint64_t bits) {
  u16x32 next;
  memcpy(&next, codes, sizeof next);
  u16x32 code =
      (u16x32)__builtin_ia32_expandhi512_mask((v32hi)next, (v32hi){0}, (uint32_t)bits);
  return bases + (code >> (uint16_t)1 ^ -(code & (uint16_t)1));
}

// A block of elements in three steps: the classes of the kept ones, their codes, and all patterns.
INLINE bool unpack_words(sluice_dtype dtype, const char *base, const uint64_t *keep, size_t count,
                         code_runs *runs, char *out) {
  uint8_t classes[UNPACKED + WORD];
  uint16_t codes[UNPACKED + 2 * WORD];
  size_t kept = 0;
  for (size_t start = 0; start < count; start += WORD) {
    size_t here = count - start < WORD ? count - start : WORD;
    u16x64 bases = 0;
    memcpy(&bases, base + start * 2, here * 2);
    uint64_t bits = keep[start / WORD] & first_bits(here);
    u8x64 together = moved_together(word_classes(bases, dtype), bits);
    memcpy(classes + kept, &together, sizeof together);
    kept += (size_t)__builtin_popcountll(bits);
  }
  size_t taken = 0;
  for (; taken + WORD <= kept; taken += WORD) {
    if (!take_codes(runs, classes + taken, WORD, codes + taken)) return false;
  }
  if (taken < kept && !take_codes(runs, classes + taken, kept - taken, codes + taken)) return false;
  kept = 0;
  for (size_t start = 0; start < count; start += HALF) {
    size_t here = count - start < HALF ? count - start : HALF;
    u16x32 bases = 0;
    memcpy(&bases, base + start * 2, here * 2);
    uint64_t bits = keep[start / WORD] >> start % WORD & first_bits(here);
    u16x32 changed = changed_half(bases, codes + kept, bits);
    memcpy(out + start * 2, &changed, here * 2);
    kept += (size_t)__builtin_popcountll(bits);
  }
  return true;
}

INLINE bool unpack_blocks(sluice_dtype dtype, const char *base, const uint64_t *keep, size_t count,
                          const uint8_t *planes, size_t plane_length, uint32_t *positions,
                          const uint32_t *ends, char *out) {
  code_runs runs = code_runs_of(planes, plane_length, positions, ends);
  size_t start = 0;
  for (; start + UNPACKED <= count; start += UNPACKED) {
    if (!unpack_words(dtype, base + 2 * start, keep + start / WORD, UNPACKED, &runs,
                      out + 2 * start)) {
      return false;
    }
  }
  if (start < count && !unpack_words(dtype, base + 2 * start, keep + start / WORD, count - start,
                                     &runs, out + 2 * start)) {
    return false;
  }
  memcpy(positions, runs.next, sizeof runs.next);
  return true;
}

static bool unpack_bytes(const void *base, sluice_dtype dtype, const uint64_t *keep, size_t count,
                         const uint8_t *planes, size_t plane_length, uint32_t *positions,
                         const uint32_t *ends, void *out) {
#define UNPACK(constant) \
  unpack_blocks(constant, base, keep, count, planes, plane_length, positions, ends, out)
  switch (dtype) {
    case SLUICE_F16: return UNPACK(SLUICE_F16);
    case SLUICE_BF16: return UNPACK(SLUICE_BF16);
    default: return unpack(base, dtype, keep, count, planes, plane_length, positions, ends, out);
  }
#undef UNPACK
}
