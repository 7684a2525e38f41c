// e to the a and the natural logarithm, in Double: sums, products and one quotient in a fixed order, so that they are
// the same at every level and with every C library.
#pragma once

#include "vectors.h"

// The upper half of ln 2 has 20 bits of zeros at its end: its product with an exponent is exact.
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
// Added to a number below 2^51, it leaves the nearest integer in the lowest bits.
#define ROUNDER 0x1.8p52

// Formula: a = n ln 2 + r with |r| <= ln 2 / 2; 2^n times the sum of r^k / k! up to k = 13, by Horner. Beyond what
// Float32 can hold at either end, a number there stands for a.
INLINE f32x16 exponential(f32x16 a) {
  const f32x16 least = -110.0f;
  const f32x16 most = 90.0f;
  f32x16 held = a < least ? least : a;
  f64x16 x = __builtin_convertvector(held > most ? most : held, f64x16);
  f64x16 shifted = x * 0x1.71547652b82fep0 + ROUNDER;
  f64x16 n = shifted - ROUNDER;
  f64x16 r = (x - n * LN2_HIGH) - n * LN2_LOW;
  static const double factors[] = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
      1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1.0,         1.0};
  f64x16 sum = 1.0 / 6227020800;
  for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) sum = sum * r + factors[k];
  f64x16 power = doubles_of((double_bits_of(shifted) << 52) + double_bits_of((f64x16)1.0));
  f32x16 value = __builtin_convertvector(sum * power, f32x16);
  return a == a ? value : a;
}

// Formula: a = 2^e m with m from 1/sqrt 2 to sqrt 2; s = (m - 1) / (m + 1), z = s s; e ln 2 + 2 (s + s z / 3 + s z^2 / 5
// and so on up to z^10), by Horner.
INLINE f32x16 logarithm(f32x16 a) {
  u64x16 bits = double_bits_of(__builtin_convertvector(a, f64x16));
  const u64x16 one = double_bits_of((f64x16)1.0);
  f64x16 m = doubles_of((bits & 0xfffffffffffffull) | one);
  f64x16 e = doubles_of(bits >> 52 | double_bits_of((f64x16)0x1p52)) - (0x1p52 + 1023);
  const f64x16 root = 0x1.6a09e667f3bcdp0;
  u64x16 halved = (u64x16)(m > root);
  // One more in the exponent, and one less in that of the number.
  e += doubles_of(halved & one);
  m *= doubles_of(one - (halved & 1ull << 52));
  f64x16 s = (m - 1.0) / (m + 1.0);
  f64x16 z = s * s;
  static const double factors[] = {2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13, 2.0 / 11,
                                   2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
  f64x16 sum = 2.0 / 21;
  for (size_t k = 0; k < sizeof factors / sizeof *factors; k++) sum = sum * z + factors[k];
  f64x16 value = e * LN2_HIGH + (2.0 * s + (s * (z * sum) + e * LN2_LOW));
  f32x16 result = __builtin_convertvector(value, f32x16);
  const f32x16 zero = 0.0f;
  const f32x16 infinity = __builtin_inff();
  const f32x16 nan = __builtin_nanf("");
  result = a == zero ? -infinity : result;
  result = a < zero ? nan : result;
  return a < infinity ? result : a;
}
