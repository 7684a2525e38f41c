/// The type of a weight in a file.
public enum ElementType: String, CaseIterable, Hashable, Sendable {
  /// Brain float, 16 bits.
  case bf16 = "BF16"
  /// IEEE half, 16 bits.
  case f16 = "F16"
  /// IEEE single, 32 bits.
  case f32 = "F32"

  /// Bytes of one element.
  public var byteCount: Int { self == .f32 ? 4 : 2 }

  /// How PyTorch writes it, in `config.json` and elsewhere.
  public var torchName: String {
    switch self {
    case .bf16: "bfloat16"
    case .f16: "float16"
    case .f32: "float32"
    }
  }

  /// Rounds values to this type, to nearest with ties to even, in place.
  func round(_ values: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .bf16:
      for index in values.indices {
        values[index] = Float(bitPattern: UInt32(bf16Bits(values[index])) << 16)
      }
    case .f16:
      for index in values.indices { values[index] = Float(Float16(values[index])) }
    case .f32: break
    }
  }

  /// Writes values as this type, rounding to nearest with ties to even.
  func store(_ values: UnsafeMutableBufferPointer<Float>, to bytes: UnsafeMutableRawPointer) {
    switch self {
    case .bf16:
      let out = bytes.assumingMemoryBound(to: UInt16.self)
      for index in values.indices { out[index] = bf16Bits(values[index]) }
    case .f16:
      let out = bytes.assumingMemoryBound(to: Float16.self)
      for index in values.indices { out[index] = Float16(values[index]) }
    case .f32:
      let out = bytes.assumingMemoryBound(to: Float.self)
      for index in values.indices { out[index] = values[index] }
    }
  }
}

/// The upper half of a finite single, rounded to nearest with ties to even.
@inline(__always)
private func bf16Bits(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
}
