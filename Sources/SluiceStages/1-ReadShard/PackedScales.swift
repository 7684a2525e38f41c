/// The numbers that scales of a byte stand for.
enum PackedScales {
  /// All numbers of E4M3: bias 7, no infinity, NaN at both ends.
  static let e4m3: [Float] = (0..<256).map { code in
    let (exponent, fraction) = (code >> 3 & 15, code & 7)
    if exponent == 15, fraction == 7 { return .nan }
    let magnitude =
      exponent == 0
      ? Float(fraction) * 0x1p-9
      : Float(8 + fraction) * Float(sign: .plus, exponent: exponent - 10, significand: 1)
    return code & 128 == 0 ? magnitude : -magnitude
  }

  /// All powers of two of E8M0; what stands for no number is infinity, as `ldexp` has it.
  static let e8m0: [Float] = (0..<256).map { code in
    code == 255 ? .infinity : Float(sign: .plus, exponent: code - 127, significand: 1)
  }
}
