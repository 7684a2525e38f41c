package import SluiceCore

/// One named array in memory, as its bytes stand in a safetensors file.
package struct TinyTensor: Sendable, Equatable {
  /// The name.
  package var name: String
  /// The element type.
  package var dtype: DType
  /// The dimensions.
  package var shape: TensorShape
  /// The elements, little endian, last dimension fastest.
  package var bytes: [UInt8]

  /// Wraps bytes.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - dtype: The element type.
  ///   - shape: The dimensions.
  ///   - bytes: The elements; their number must fit the shape.
  package init(name: String, dtype: DType, shape: TensorShape, bytes: [UInt8]) {
    precondition(bytes.count * 8 == shape.elementCount * dtype.bitCount)
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// Rounds values into a float type (F16, BF16 by way of F32).
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - dtype: F16, BF16, F32 or F64.
  ///   - dimensions: The dimensions; nil stands for one dimension.
  ///   - values: The elements.
  package init(_ name: String, _ dtype: DType, _ dimensions: [Int]? = nil, values: [Double]) {
    guard let shape = TensorShape(dimensions ?? [values.count]), shape.elementCount == values.count
    else { preconditionFailure("\(values.count) values do not fit the shape of \(name)") }
    self.init(
      name: name, dtype: dtype, shape: shape, bytes: TinyTensor.encode(values, as: dtype))
  }

  /// The elements of a float tensor as Float32 (F64 rounded), or nil for other types.
  package var floats: [Float]? {
    switch dtype {
    case .bf16: integers(UInt16.self).map { Reference.float(bf16: $0) }
    case .f16: integers(UInt16.self).map { Reference.float(f16: $0) }
    case .f32: integers(UInt32.self).map { Float(bitPattern: $0) }
    case .f64: integers(UInt64.self).map { Float(Double(bitPattern: $0)) }
    default: nil
    }
  }

  /// Rounds values into a float type.
  ///
  /// - Parameters:
  ///   - values: The elements.
  ///   - dtype: F16, BF16, F32 or F64.
  /// - Returns: Their bytes, little endian.
  static func encode(_ values: [Double], as dtype: DType) -> [UInt8] {
    switch dtype {
    case .bf16: littleEndian(values.map { Reference.bf16Bits(Float($0)) })
    case .f16: littleEndian(values.map { Reference.f16Bits(Float($0)) })
    case .f32: littleEndian(values.map { Float($0).bitPattern })
    case .f64: littleEndian(values.map(\.bitPattern))
    default: preconditionFailure("\(dtype) is no type of this reference")
    }
  }

  /// The bytes of integers, least significant first.
  ///
  /// - Parameter integers: The integers.
  /// - Returns: Their bytes.
  package static func littleEndian(_ integers: [some FixedWidthInteger]) -> [UInt8] {
    var bytes: [UInt8] = []
    for integer in integers {
      withUnsafeBytes(of: integer.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  private func integers<I: FixedWidthInteger>(_ type: I.Type) -> [I] {
    let width = MemoryLayout<I>.size
    return bytes.withUnsafeBytes { raw in
      (0..<shape.elementCount).map {
        I(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * width, as: I.self))
      }
    }
  }
}
