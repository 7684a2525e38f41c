extension Reference {
  /// Rounds to BF16, to nearest, ties to even; overflow gives infinity, NaN stays a quiet NaN.
  ///
  /// - Parameter value: The value.
  /// - Returns: The bits of the BF16 number.
  package static func bf16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(bits >> 16) | 0x40 }
    // The carry of a rounded-up mantissa runs into the exponent, which is the right answer.
    return UInt16(roundedShift(bits & 0x7fff_ffff, by: 16)) | UInt16(bits >> 31) << 15
  }

  /// Rounds to F16, to nearest, ties to even; overflow gives infinity, NaN stays a quiet NaN.
  ///
  /// - Parameter value: The value.
  /// - Returns: The bits of the F16 number.
  package static func f16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(bits >> 31) << 15
    if value.isNaN { return sign | 0x7e00 | UInt16((bits >> 13) & 0x3ff) }
    if value.isInfinite { return sign | 0x7c00 }
    let storedExponent = Int(bits >> 23 & 0xff)
    let fraction = bits & 0x7f_ffff
    // value = significand * 2^(exponent - 23)
    let significand = storedExponent == 0 ? fraction : fraction | 0x80_0000
    let exponent = max(storedExponent, 1) - 127
    var magnitude: UInt32
    if exponent < -14 {
      // Subnormal: a multiple of 2^-24.
      magnitude = roundedShift(significand, by: -1 - exponent)
    } else {
      magnitude = UInt32(exponent + 14) << 10 + roundedShift(significand, by: 13)
    }
    magnitude = min(magnitude, 0x7c00)
    return sign | UInt16(magnitude)
  }

  /// Widens a BF16 number, exactly.
  ///
  /// - Parameter bits: The bits of the BF16 number.
  /// - Returns: Its value.
  package static func float(bf16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// Widens an F16 number, exactly.
  ///
  /// - Parameter bits: The bits of the F16 number.
  /// - Returns: Its value.
  package static func float(f16 bits: UInt16) -> Float {
    let fraction = Float(bits & 0x3ff)
    let exponent = Int(bits >> 10 & 0x1f)
    let magnitude: Float
    switch exponent {
    case 0: magnitude = fraction * 0x1p-24
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default:
      magnitude = (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
    }
    return bits >> 15 == 0 ? magnitude : -magnitude
  }

  /// Divides by a power of two and rounds to nearest, ties to even.
  ///
  /// - Parameters:
  ///   - value: The integer to divide.
  ///   - count: The exponent of the power of two, at least 1.
  /// - Returns: The rounded quotient.
  static func roundedShift(_ value: UInt32, by count: Int) -> UInt32 {
    if count > 32 { return 0 }
    let unit = UInt64(1) << UInt64(count)
    let (quotient, rest) = UInt64(value).quotientAndRemainder(dividingBy: unit)
    let roundsUp = rest * 2 > unit || (rest * 2 == unit && quotient % 2 == 1)
    return UInt32(quotient + (roundsUp ? 1 : 0))
  }
}
