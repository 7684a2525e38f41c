/// The element type of a tensor, in the spelling of safetensors files.
public enum DType: String, Sendable, Hashable, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6e2m3 = "F6_E2M3"
  case f6e3m2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8e5m2 = "F8_E5M2"
  case f8e4m3 = "F8_E4M3"
  case f8e8m0 = "F8_E8M0"
  case f8e4m3fnuz = "F8_E4M3FNUZ"
  case f8e5m2fnuz = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// The width of one element, in bits; below 8 for packed types.
  public var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6e2m3, .f6e3m2: 6
    case .bool, .u8, .i8, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// The width of one element in bytes, or nil where elements share a byte.
  public var byteCount: Int? { bitCount % 8 == 0 ? bitCount / 8 : nil }

  /// Whether sluice computes deltas of this type (F16, BF16, F32, and F64 after rounding to F32).
  public var isMergeable: Bool {
    switch self {
    case .f16, .bf16, .f32, .f64: true
    default: false
    }
  }

  /// Whether the type holds real weights, even where sluice cannot merge it (F8 and smaller).
  public var isFloatingPoint: Bool {
    switch self {
    case .f4, .f6e2m3, .f6e3m2, .f8e5m2, .f8e4m3, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f16, .bf16,
      .f32, .f64, .c64:
      true
    default: false
    }
  }
}

extension DType: CustomStringConvertible {
  /// The safetensors spelling.
  public var description: String { rawValue }
}
