/// A number of bytes as people write it: `96MiB`, `5GB`, `1048576`.
public struct ByteCount: Sendable, Hashable, Comparable {
  /// The count.
  public let bytes: Int

  /// Wraps a count.
  ///
  /// - Parameter bytes: The number of bytes, not negative.
  public init(_ bytes: Int) { self.bytes = bytes }

  /// Wraps a count of mebibytes.
  ///
  /// - Parameter mebibytes: The number of MiB.
  /// - Returns: The count in bytes.
  public static func mebibytes(_ mebibytes: Int) -> ByteCount { ByteCount(mebibytes << 20) }

  /// Reads a size with an optional unit: `kB MB GB TB` are powers of 1000, `KiB MiB GiB TiB` of
  /// 1024, `B` or nothing is bytes; a decimal fraction is allowed before a unit.
  ///
  /// - Parameter text: What the user wrote.
  public init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
    guard let scale = ByteCount.units[unit], let value = Double(digits), value.isFinite else {
      return nil
    }
    let bytes = value * scale
    guard bytes < 0x1p62, bytes == bytes.rounded(.down) || scale > 1 else { return nil }
    self.bytes = Int(bytes)
  }

  private static let units: [String: Double] = [
    "": 1, "b": 1,
    "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
    "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
  ]

  /// Orders by the number of bytes.
  ///
  /// - Parameters:
  ///   - a: One count.
  ///   - b: Another.
  /// - Returns: Whether the first is smaller.
  public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }
}

extension ByteCount: CustomStringConvertible {
  /// The count in the largest binary unit that leaves at least 1, with one decimal: `1.5 GiB`.
  public var description: String {
    let names = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var step = 0
    var unit = 1
    while step + 1 < names.count, bytes >= unit << 10 {
      unit <<= 10
      step += 1
    }
    guard step > 0 else { return "\(bytes) B" }
    let tenths = (bytes / unit) * 10 + (bytes % unit) * 10 / unit
    return tenths % 10 == 0
      ? "\(tenths / 10) \(names[step])" : "\(tenths / 10).\(tenths % 10) \(names[step])"
  }

  /// The count in the largest unit that it is a whole number of, as options and recipes take it: `5GB`,
  /// `96MiB`.
  public var exactText: String {
    let units = [
      ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000),
      ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000),
    ]
    let unit = units.first { bytes >= $0.1 && bytes % $0.1 == 0 }
    return unit.map { "\(bytes / $0.1)\($0.0)" } ?? "\(bytes)B"
  }

  /// The smallest whole number of MiB that is not below the count, as an option value: `65MiB`.
  public var roundedUpToMebibytes: String { "\((bytes + (1 << 20) - 1) >> 20)MiB" }
}
