// Codes sorted by class, 64 at a time.
#pragma once

#include "byte_lanes.h"

typedef uint32_t u32x64 __attribute__((ext_vector_type(64)));

// Adds some bytes to a run. Half a vector is enough mostly, and seldom lies in two lines of the cache. A run's last
// bytes are stored one by one: behind them the next run has begun.
INLINE void add_to_run(uint8_t *plane, u8x64 bytes, uint32_t next, uint32_t end, size_t count) {
  if (count <= HALF && next + HALF <= end) {
    memcpy(plane + next, &bytes, HALF);
  } else if (count > 0) {
    memcpy(plane + next, &bytes, count);
  }
}

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
