// Lanes moved together, and apart again: what a keep word says of 16 elements.
//
// SLUICE_LANE_MOVES says how: 0 not at all, 1 by an order made with bit deposit and extract, 2 by one instruction.
#pragma once

#include "vectors.h"

#if SLUICE_BIT_DEPOSIT
// All ones in the bytes whose bit is set.
INLINE uint64_t bytes_of_bits(uint64_t bits) {
  return deposit(bits, 0x0101010101010101) * 0xff;
}
#endif

#if SLUICE_LANE_MOVES == 1
typedef uint32_t u32x8 __attribute__((ext_vector_type(8)));

INLINE u32x8 moved(const uint32_t *from, uint64_t order) {
  typedef int v8si __attribute__((vector_size(32)));
  u32x8 values;
  memcpy(&values, from, sizeof values);
  u8x8 places;
  memcpy(&places, &order, sizeof places);
  u32x8 indices = __builtin_convertvector(places, u32x8);
  return (u32x8)__builtin_ia32_permvarsi256((v8si)values, (v8si)indices);
}

// Stores the lanes whose bit is set, one after the other; writes all 16 places.
INLINE void store_kept(uint32_t *to, u32x16 value, uint64_t bits) {
  uint32_t lanes[LANES];
  memcpy(lanes, &value, sizeof lanes);
  for (int half = 0; half < 2; half++, bits >>= 8) {
    uint64_t order = __builtin_ia32_pext_di(0x0706050403020100, bytes_of_bits(bits & 0xff));
    u32x8 kept = moved(lanes + 8 * half, order);
    memcpy(to, &kept, sizeof kept);
    to += __builtin_popcountll(bits & 0xff);
  }
}

INLINE void store_kept_bytes(uint8_t *to, u8x16 value, uint64_t bits) {
  uint64_t halves[2];
  memcpy(halves, &value, sizeof halves);
  for (int half = 0; half < 2; half++, bits >>= 8) {
    uint64_t kept = __builtin_ia32_pext_di(halves[half], bytes_of_bits(bits & 0xff));
    memcpy(to, &kept, sizeof kept);
    to += __builtin_popcountll(bits & 0xff);
  }
}

// The next values in the lanes whose bit is set, anything in the others; reads 16 values.
INLINE u32x16 load_kept(const uint32_t *from, uint64_t bits) {
  u32x16 value;
  for (int half = 0; half < 2; half++, bits >>= 8) {
    uint64_t order = deposit(0x0706050403020100, bytes_of_bits(bits & 0xff));
    u32x8 lanes = moved(from, order);
    memcpy((char *)&value + half * sizeof lanes, &lanes, sizeof lanes);
    from += __builtin_popcountll(bits & 0xff);
  }
  return value;
}
#elif SLUICE_LANE_MOVES == 2
typedef int v16si __attribute__((vector_size(64)));

INLINE u32x16 packed_lanes(u32x16 value, uint64_t bits) {
  return (u32x16)__builtin_ia32_compresssi512_mask((v16si)value, (v16si)value, (uint16_t)bits);
}

// Stores the lanes whose bit is set, one after the other; writes all 16 places.
INLINE void store_kept(uint32_t *to, u32x16 value, uint64_t bits) {
  u32x16 kept = packed_lanes(value, bits);
  memcpy(to, &kept, sizeof kept);
}

INLINE void store_kept_bytes(uint8_t *to, u8x16 value, uint64_t bits) {
  u32x16 kept = packed_lanes(__builtin_convertvector(value, u32x16), bits);
  u8x16 bytes = __builtin_convertvector(kept, u8x16);
  memcpy(to, &bytes, sizeof bytes);
}

// The next values in the lanes whose bit is set, anything in the others; reads 16 values.
INLINE u32x16 load_kept(const uint32_t *from, uint64_t bits) {
  u32x16 value;
  memcpy(&value, from, sizeof value);
  return (u32x16)__builtin_ia32_expandsi512_mask((v16si)value, (v16si)value, (uint16_t)bits);
}
#endif

// Moves the lanes whose bit is set together; the others have anything afterwards.
INLINE void keep_lanes(u32x16 *value, uint64_t bits) {
#if SLUICE_LANE_MOVES == 2
  *value = packed_lanes(*value, bits);
#elif SLUICE_LANE_MOVES == 1
  uint32_t kept[LANES];
  store_kept(kept, *value, bits);
  memcpy(value, kept, sizeof kept);
#else
  uint32_t lanes[LANES], kept[LANES] = {0};
  memcpy(lanes, value, sizeof lanes);
  for (size_t found = 0; bits != 0; bits &= bits - 1) kept[found++] = lanes[__builtin_ctzll(bits)];
  memcpy(value, kept, sizeof kept);
#endif
}
