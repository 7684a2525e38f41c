extension InputFile {
  /// How many bytes of either file are held at once: they stay in the cache, and in memory that is used again.
  private static let comparedByteCount = 1 << 17

  /// Whether a range holds the same bytes as one of a file, which may be this.
  ///
  /// - Parameters:
  ///   - range: Where in this file.
  ///   - other: The file to compare with.
  ///   - otherRange: Where in that, as many bytes.
  /// - Returns: Whether all bytes agree.
  /// - Throws: If a file cannot be read.
  package func hasSameBytes(
    in range: Range<Int>, as other: InputFile, in otherRange: Range<Int>
  ) throws(FormatError) -> Bool {
    for start in stride(from: 0, to: range.count, by: InputFile.comparedByteCount) {
      let count = min(InputFile.comparedByteCount, range.count - start)
      let (from, there) = (range.lowerBound + start, otherRange.lowerBound + start)
      guard try bytes(in: from..<from + count) == other.bytes(in: there..<there + count) else {
        return false
      }
    }
    return true
  }
}
