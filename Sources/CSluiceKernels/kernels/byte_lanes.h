// Codes sorted by class and put back, 64 at a time, where one instruction moves bytes together or apart.
//
// The codes of a class lie one after the other. So of 64 elements in order those of a class, moved together, are the
// next bytes of its run, and the next bytes of its run, moved apart, are those elements.
#pragma once

#include "unpack.h"

typedef char v64qi __attribute__((vector_size(64)));
typedef short v32hi __attribute__((vector_size(64)));
typedef uint32_t u32x64 __attribute__((ext_vector_type(64)));

enum { HALF = WORD / 2 };

// The lanes whose bit is set, one after the other; and the next values in the lanes whose bit is set, zero elsewhere.
INLINE u8x64 moved_together(u8x64 bytes, uint64_t bits) {
  return (u8x64)__builtin_ia32_compressqi512_mask((v64qi)bytes, (v64qi){0}, bits);
}
INLINE u8x64 moved_apart(u8x64 bytes, uint64_t bits) {
  return (u8x64)__builtin_ia32_expandqi512_mask((v64qi)bytes, (v64qi){0}, bits);
}

// Adds some bytes to a run. Half a vector is enough mostly, and seldom lies in two lines of the cache. A run's last
// bytes are stored one by one: behind them the next run has begun.
INLINE void add_to_run(uint8_t *plane, u8x64 bytes, uint32_t next, uint32_t end, size_t count) {
  if (count <= HALF && next + HALF <= end) {
    memcpy(plane + next, &bytes, HALF);
  } else if (count > 0) {
    memcpy(plane + next, &bytes, count);
  }
}

// Of a class with fewer codes than one in so many, elements are taken one by one.
enum { SELDOM = 32 };

// The runs of a frame's codes while they are filled.
typedef struct {
  uint32_t next[CLASSES], ends[CLASSES];
  // The classes that are not seldom.
  uint8_t used[CLASSES];
  int used_count;
  // For each plane the first class that was seen to have a byte other than zero there.
  int first_long[4];
} open_runs;

INLINE open_runs open_runs_of(const uint32_t class_counts[CLASSES], size_t count) {
  open_runs runs = {.first_long = {CLASSES, CLASSES, CLASSES, CLASSES}};
  uint32_t end = 0;
  for (int class = 0; class < CLASSES; class++) {
    runs.next[class] = end;
    runs.ends[class] = end += class_counts[class];
    if (class_counts[class] > 0 && class_counts[class] >= count / SELDOM) {
      runs.used[runs.used_count++] = (uint8_t)class;
    }
  }
  return runs;
}

// Upper bytes are zero where nothing is stored; mostly the last classes have others.
INLINE void split_upper(u8x64 bytes, const uint64_t chosen[CLASSES], uint64_t seldom,
                        const uint8_t *classes, open_runs *runs, int *first_long, uint8_t *plane) {
  uint64_t rest = word_of_bytes(bytes != (uint8_t)0) & ~seldom;
#define ADD(class)                                                                       \
  do {                                                                                   \
    uint32_t length = (uint32_t)__builtin_popcountll(chosen[class]);                     \
    add_to_run(plane, moved_together(bytes, chosen[class]), runs->next[class] - length,  \
               runs->ends[class], length);                                               \
    rest &= ~chosen[class];                                                              \
  } while (0)
  for (int i = 0; i < runs->used_count; i++) {
    if (runs->used[i] >= *first_long) ADD(runs->used[i]);
  }
  while (rest != 0) {
    int class = classes[__builtin_ctzll(rest)];
    ADD(class);
    if (class < *first_long) *first_long = class;
  }
#undef ADD
}

INLINE void split_word(size_t width, const uint32_t *codes, const uint8_t *classes, size_t here,
                       size_t count, open_runs *runs, uint8_t *planes) {
  u8x64 of_class = load_bytes(classes, here);
  u32x64 code = 0;
  memcpy(&code, codes, here * sizeof *codes);
  u8x64 lowest = __builtin_convertvector(code, u8x64);
  uint64_t chosen[CLASSES] = {0}, seldom = first_bits(here);
  for (int i = 0; i < runs->used_count; i++) {
    int class = runs->used[i];
    chosen[class] = word_of_bytes(of_class == (uint8_t)class) & first_bits(here);
    seldom &= ~chosen[class];
    size_t length = (size_t)__builtin_popcountll(chosen[class]);
    add_to_run(planes, moved_together(lowest, chosen[class]), runs->next[class],
               runs->ends[class], length);
    runs->next[class] += (uint32_t)length;
  }
  for (size_t plane = 1; plane < width; plane++) {
    u8x64 bytes = __builtin_convertvector(code >> (uint32_t)(8 * plane), u8x64);
    split_upper(bytes, chosen, seldom, classes, runs, &runs->first_long[plane],
                planes + plane * count);
  }
  for (; seldom != 0; seldom &= seldom - 1) {
    int index = __builtin_ctzll(seldom);
    size_t place = runs->next[classes[index]]++;
    for (size_t plane = 0; plane < width; plane++) {
      planes[plane * count + place] = (uint8_t)(codes[index] >> 8 * plane);
    }
  }
}

INLINE void split_words(size_t width, const uint32_t *codes, const uint8_t *classes, size_t count,
                        uint32_t *class_counts, uint8_t *planes) {
  count_classes(classes, count, class_counts);
  open_runs runs = open_runs_of(class_counts, count);
  memset(planes + count, 0, (width - 1) * count);
  size_t index = 0;
  for (; index + WORD <= count; index += WORD) {
    split_word(width, codes + index, classes + index, WORD, count, &runs, planes);
  }
  if (index < count) {
    split_word(width, codes + index, classes + index, count - index, count, &runs, planes);
  }
}

static void split_bytes(const uint32_t *codes, const uint8_t *classes, size_t count, size_t width,
                        uint32_t *class_counts, uint8_t *planes) {
  if (width == 2) {
    split_words(2, codes, classes, count, class_counts, planes);
  } else {
    split_words(4, codes, classes, count, class_counts, planes);
  }
}

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
