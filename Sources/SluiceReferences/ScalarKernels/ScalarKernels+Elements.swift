package import SluiceCore

extension ScalarKernels {
  /// Reads one element of a tensor as Float32.
  ///
  /// - Parameters:
  ///   - bytes: Little-endian bytes of the tensor.
  ///   - dtype: The element type.
  ///   - index: Which element.
  /// - Returns: Its value; F64 is rounded.
  package static func element(_ bytes: [UInt8], _ dtype: DType, at index: Int) -> Float {
    let width = dtype.bitCount / 8
    var bits: UInt64 = 0
    for byte in 0..<width {
      bits |= UInt64(bytes[index * width + byte]) << (8 * byte)
    }
    return switch dtype {
    case .f16: half(UInt16(bits))
    case .bf16: Float(bitPattern: UInt32(bits) << 16)
    case .f32: Float(bitPattern: UInt32(bits))
    case .f64: Float(Double(bitPattern: bits))
    default: preconditionFailure("\(dtype) is not mergeable")
    }
  }

  /// The value of a half-precision pattern: sign, 5 bits of exponent, 10 bits of mantissa.
  package static func half(_ bits: UInt16) -> Float {
    let mantissa = Float(bits & 0x3ff)
    let exponent = Int(bits >> 10 & 0x1f)
    let magnitude: Float =
      switch exponent {
      case 0: Float(sign: .plus, exponent: -24, significand: mantissa)
      case 31: mantissa == 0 ? .infinity : .nan
      default: Float(sign: .plus, exponent: exponent - 25, significand: 1024 + mantissa)
      }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  /// Rounds to a type with the given range, to nearest with ties to even.
  ///
  /// - Parameters:
  ///   - value: What to round.
  ///   - dtype: F16, BF16, F32 or F64.
  /// - Returns: The rounded value, infinite where it is too large for the type.
  package static func rounded(_ value: Float, to dtype: DType) -> Float {
    let (mantissaBits, minExponent, maxExponent) =
      switch dtype {
      case .f16: (10, -14, 15)
      case .bf16: (7, -126, 127)
      default: (23, -126, 127)
      }
    guard value.isFinite, value != 0 else { return value }
    let wide = Double(value)
    let exponent = max(Int(wide.exponent), minExponent)
    let unit = Double(sign: .plus, exponent: exponent - mantissaBits, significand: 1)
    let nearest = (wide / unit).rounded(.toNearestOrEven) * unit
    if nearest.magnitude >= Double(sign: .plus, exponent: maxExponent + 1, significand: 1) {
      return value > 0 ? .infinity : -.infinity
    }
    // Zero keeps the sign of what was rounded to it.
    return Float(sign: value.sign, exponent: 0, significand: Float(nearest.magnitude))
  }

  /// The bytes of numbers rounded to an element type.
  ///
  /// - Parameters:
  ///   - values: The numbers.
  ///   - dtype: The element type.
  /// - Returns: Little-endian bytes.
  package static func encoded(_ values: [Float], _ dtype: DType) -> [UInt8] {
    values.flatMap { value -> [UInt8] in
      let bits: UInt64 =
        switch dtype {
        case .f16: UInt64(halfPattern(rounded(value, to: .f16)))
        case .bf16:
          value.isNaN
            ? UInt64(value.bitPattern >> 16 | 0x40)
            : UInt64(rounded(value, to: .bf16).bitPattern >> 16)
        case .f32: UInt64(value.bitPattern)
        case .f64: Double(value).bitPattern
        default: preconditionFailure("\(dtype) is not mergeable")
        }
      return (0..<dtype.bitCount / 8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
    }
  }

  /// The half-precision pattern of a number that half precision can represent.
  static func halfPattern(_ value: Float) -> UInt16 {
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let magnitude = value.magnitude
    if magnitude.isNaN { return sign | 0x7e00 }
    if magnitude.isInfinite { return sign | 0x7c00 }
    if magnitude < 0x1p-14 { return sign | UInt16(magnitude * 0x1p24) }
    let exponent = Int(magnitude.exponent)
    return sign | UInt16(exponent + 15) << 10 | UInt16((magnitude.significand - 1) * 1024)
  }

  /// The merged elements before rounding: base + mergeScale * merged, each operation rounded.
  package static func finished(base: [Float], merged: [Float], mergeScale: Float) -> [Float] {
    zip(base, merged).map { base, merged in
      let product: Float = mergeScale * merged
      return base + product
    }
  }
}
