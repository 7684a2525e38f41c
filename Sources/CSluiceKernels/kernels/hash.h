// XXH3 of the library's own header: with the vectors of the level, where the library itself, as distributions build it,
// takes those of SSE2.
//
// The file that includes this says XXH_VECTOR, or the header takes what the compiler has, and has included what the
// header includes.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

static void hash(const void *bytes, size_t count, uint64_t seed, uint64_t *halves) {
  XXH128_hash_t value = XXH3_128bits_withSeed(bytes, count, seed);
  halves[0] = value.high64;
  halves[1] = value.low64;
}
