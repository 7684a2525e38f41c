package import SluiceCore
package import SluiceFormats
package import SluiceStages

/// What a store knows of one tensor of its model: what it is, what was counted of it, and where its
/// frames lie.
///
/// The bytes (docs/reference/delta-store.md), numbers little-endian: "sli1", role, types of tensor and
/// base (a UInt8 each), what the frames hold (0 weights, 1 deltas against zeros), the lowest rate (Float64), the number of dimensions and each of them,
/// the number of the base's elements, the base's sample (16), zeros, mean and significance (UInt64 and
/// two Float64), the number of strips; then for each strip the length of its table and the table, the
/// length of its histogram and the histogram; at the end the XXH3-128 of all that, most significant byte
/// first. Positions in tables count from the beginning of the tensor's frames.
package struct StoredTensor: Sendable {
  /// One strip of the tensor.
  package struct Strip: Sendable {
    /// Where its frames lie.
    package var table: FrameTable
    /// The record of its histogram; empty where nothing was counted.
    package var histogram: [UInt8]

    package init(
      table: FrameTable, histogram: [UInt8]
    ) {
      self.table = table
      self.histogram = histogram
    }
  }

  /// What of a tensor is there.
  package enum Extent: UInt8, Sendable {
    /// Every element.
    case whole = 0
    /// The elements that no rate from the lowest on prunes.
    case pruned = 1
  }

  private static let magic: UInt32 = 0x3169_6c73
  private static let dtypes: [DType] = [.f16, .bf16, .f32, .f64]

  package var extent: Extent
  package var dtype: DType
  package var baseDType: DType
  /// The lowest rate that the frames serve; 0 where every element is there.
  package var lowestRate: Double
  /// Whether the frames hold deltas, against zeros, and not weights against the base's.
  package var holdsDeltas = false
  package var shape: TensorShape
  package var baseElementCount: Int
  /// The hash of parts of the base's tensor, with its type and number of elements.
  package var baseSample: Hash128
  package var zeroCount = 0
  package var mean = 0.0
  package var significance = 0.0
  package var strips: [Strip] = []

  /// The pattern from which on every magnitude is there, whatever the strip: each has a floor of its own.
  package var floor: UInt32 { strips.map(\.table.minimumMagnitudeBits).max() ?? 0 }

  /// The bytes.
  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: StoredTensor.magic)
    bytes.append(extent.rawValue)
    bytes.append(StoredTensor.code(of: dtype))
    bytes.append(StoredTensor.code(of: baseDType))
    bytes.append(holdsDeltas ? 1 : 0)
    bytes.append(littleEndian: lowestRate.bitPattern)
    bytes.append(count: shape.dimensions.count)
    for dimension in shape.dimensions { bytes.append(count: dimension) }
    bytes.append(count: baseElementCount)
    bytes += baseSample.bytes
    bytes.append(count: zeroCount)
    bytes.append(littleEndian: mean.bitPattern)
    bytes.append(littleEndian: significance.bitPattern)
    bytes.append(count: strips.count)
    for strip in strips {
      for part in [strip.table.encoded, strip.histogram] {
        bytes.append(count: part.count)
        bytes += part
      }
    }
    return bytes + Hash128(of: bytes).bytes
  }

  /// Reads the bytes; nil if they are damaged or say what cannot be.
  init?(encoded bytes: [UInt8]) {
    guard bytes.count >= 16, let hash = Hash128(bytes: bytes.suffix(16)) else { return nil }
    // SAFETY: the bytes are used inside the closure only.
    let found = unsafe bytes.withUnsafeBytes {
      unsafe Hash128(of: UnsafeRawBufferPointer(rebasing: $0.dropLast(16)))
    }
    guard found == hash else { return nil }
    var reader = ByteReader(bytes, leaving: 16)
    guard reader.integer(UInt32.self) == StoredTensor.magic, let kinds = reader.bytes(4),
      let extent = Extent(rawValue: kinds[0]), let dtype = StoredTensor.dtype(code: kinds[1]),
      let baseDType = StoredTensor.dtype(code: kinds[2]), kinds[3] <= 1,
      let lowestRate = reader.integer(UInt64.self).map(Double.init(bitPattern:)),
      (0...1).contains(lowestRate), let shape = reader.shape(),
      let baseElementCount = reader.count(),
      let baseSample = reader.bytes(16).flatMap({ Hash128(bytes: $0) }),
      let zeroCount = reader.count(),
      let mean = reader.integer(UInt64.self).map(Double.init(bitPattern:)),
      let significance = reader.integer(UInt64.self).map(Double.init(bitPattern:)),
      mean.isFinite, significance.isFinite, let stripCount = reader.count()
    else { return nil }
    self.extent = extent
    self.dtype = dtype
    self.baseDType = baseDType
    self.lowestRate = lowestRate
    holdsDeltas = kinds[3] == 1
    self.shape = shape
    self.baseElementCount = baseElementCount
    self.baseSample = baseSample
    self.zeroCount = zeroCount
    self.mean = mean
    self.significance = significance
    for _ in 0..<stripCount {
      guard let table = reader.part().flatMap({ FrameTable(encoded: $0) }),
        let histogram = reader.part()
      else { return nil }
      strips.append(Strip(table: table, histogram: histogram))
    }
    guard reader.isAtEnd else { return nil }
  }

  /// Describes a tensor without strips.
  package init(
    extent: Extent, dtype: DType, baseDType: DType, lowestRate: Double, shape: TensorShape,
    baseElementCount: Int, baseSample: Hash128
  ) {
    self.extent = extent
    self.dtype = dtype
    self.baseDType = baseDType
    self.lowestRate = lowestRate
    self.shape = shape
    self.baseElementCount = baseElementCount
    self.baseSample = baseSample
  }

  /// The hash of parts of a base's tensor: of its first, middle and last 1024 elements, with its
  /// type and number of elements.
  package static func sample(_ source: TensorSource, elementCount: Int, in file: InputFile) throws
    -> Hash128
  {
    var bytes = Array("\(source.dtype.rawValue) \(elementCount)".utf8)
    let length = min(1024, elementCount)
    for start in [0, (elementCount - length) / 2, elementCount - length] where length > 0 {
      bytes += try file.bytes(of: source, start..<start + length)
    }
    return Hash128(of: bytes)
  }

  private static func code(of dtype: DType) -> UInt8 {
    UInt8(dtypes.firstIndex(of: dtype) ?? dtypes.count)
  }

  private static func dtype(code: UInt8) -> DType? {
    Int(code) < dtypes.count ? dtypes[Int(code)] : nil
  }
}

extension ByteReader {
  /// Bytes after their number.
  fileprivate mutating func part() -> [UInt8]? { count().flatMap { bytes($0) } }

  /// A number of dimensions and the dimensions.
  fileprivate mutating func shape() -> TensorShape? {
    guard let rank = count(), rank <= 1 << 16 else { return nil }
    var dimensions: [Int] = []
    for _ in 0..<rank {
      guard let dimension = count() else { return nil }
      dimensions.append(dimension)
    }
    return TensorShape(dimensions)
  }
}

extension InputFile {
  /// Reads a run of a tensor's elements, wherever they lie.
  package func bytes(of source: TensorSource, _ elements: Range<Int>) throws -> [UInt8] {
    let width = source.dtype.byteCount ?? 1
    let start = source.byteRange.lowerBound
    if let packed = source.packed {
      // Its codes stand for it; rows of codes may be longer than what they hold.
      let bits = packed.code.bitCount
      let end = min(source.byteRange.count, (elements.upperBound * bits + 7) / 8)
      let begin = min(elements.lowerBound * bits / 8, end)
      return try bytes(in: start + begin..<start + end)
    }
    guard let view = source.view else {
      return try bytes(in: source.byteRange(ofElements: elements))
    }
    var bytes = [UInt8](repeating: 0, count: elements.count * width)
    // SAFETY: the buffer is used inside the closure only, and is as long as the elements.
    try unsafe bytes.withUnsafeMutableBytes {
      try unsafe read(elements, of: view, at: start, width: width, into: $0)
    }
    return bytes
  }
}
