package import SluiceFormats

extension Reference {
  /// A number of E4M3 from its bits: (-1)^s * 2^(e-7) * (1 + f/8), or f/8 * 2^-6 where e is 0.
  ///
  /// Source: OCP 8-bit floating point, table 1.
  package static func e4m3(_ code: UInt8) -> Float {
    let (sign, exponent, fraction) = (code >> 7, Int(code >> 3 & 15), Float(code & 7))
    if code & 127 == 127 { return .nan }
    var value = exponent == 0 ? fraction / 8 : 1 + fraction / 8
    var power = exponent == 0 ? -6 : exponent - 7
    while power > 0 { value *= 2; power -= 1 }
    while power < 0 { value /= 2; power += 1 }
    return sign == 1 ? -value : value
  }

  /// A number of E2M1 from its bits: (-1)^s * 2^(e-1) * (1 + f/2), or f/2 where e is 0.
  package static func e2m1(_ code: UInt8) -> Float {
    let fraction = Float(code & 1) / 2
    let value: Float =
      switch code >> 1 & 3 {
      case 0: fraction
      case 1: 1 + fraction
      case 2: 2 * (1 + fraction)
      default: 4 * (1 + fraction)
      }
    return code & 8 == 8 ? -value : value
  }

  /// One element of packed weights, from the bytes of codes and the scales as numbers.
  ///
  /// - Parameters:
  ///   - view: How the weights lie; not transposed, one matrix.
  ///   - codes: The bytes of all codes.
  ///   - scales: The scales, line after line of blocks.
  ///   - row: The output.
  ///   - column: The input.
  /// - Returns: The number.
  package static func packed(
    _ view: PackedView, codes: [UInt8], scales: [Float], row: Int, column: Int
  ) -> Float {
    var scale =
      scales[row / view.blockRows * view.scaleColumns + column / view.blockColumns]
    scale /= view.divisor
    let line = row * view.lineByteCount
    if view.code == .e4m3 { return e4m3(codes[line + column]) * scale }
    let byte = codes[line + column / 2]
    let code = column % 2 == 0 ? byte & 15 : byte >> 4
    return (view.code == .int4 ? Float(Int(code) - 8) : e2m1(code)) * scale
  }
}
