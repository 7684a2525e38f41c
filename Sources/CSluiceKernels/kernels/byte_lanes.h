// 64 bytes at a time, where one instruction moves bytes together or apart.
//
// The codes of a class lie one after the other. So of 64 elements in order those of a class, moved together, are the
// next bytes of its run, and the next bytes of its run, moved apart, are those elements.
#pragma once

#include "classes.h"

typedef char v64qi __attribute__((vector_size(64)));

enum { HALF = WORD / 2 };

// Of a class with fewer codes than one in so many, elements are taken one by one.
enum { SELDOM = 32 };

// The lanes whose bit is set, one after the other; and the next values in the lanes whose bit is set, zero elsewhere.
INLINE u8x64 moved_together(u8x64 bytes, uint64_t bits) {
  return (u8x64)__builtin_ia32_compressqi512_mask((v64qi)bytes, (v64qi){0}, bits);
}
INLINE u8x64 moved_apart(u8x64 bytes, uint64_t bits) {
  return (u8x64)__builtin_ia32_expandqi512_mask((v64qi)bytes, (v64qi){0}, bits);
}
