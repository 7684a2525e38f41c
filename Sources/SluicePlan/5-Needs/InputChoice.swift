package import SluiceFormats
package import SluiceStages

/// How input files are read, and why so.
package struct InputChoice: Sendable, Hashable {
  /// How.
  package let mode: InputMode
  /// Why.
  package let reason: String

  /// Files that are looked at, and places in each of them.
  private static let (sampledFiles, sampledPlaces) = (16, 8)
  private static let sampleByteCount = 1 << 20

  /// Chooses.
  ///
  /// - Parameters:
  ///   - asked: What is asked for, if anything is.
  ///   - exceedsCache: Whether the inputs are larger than the page cache can be.
  ///   - files: The inputs.
  package init(_ asked: InputMode?, exceedsCache: Bool, files: [InputFile]) {
    // Who reads through the page cache anyway looks at no file.
    guard asked == .direct || asked == nil && exceedsCache else {
      mode = asked ?? .pread
      reason = asked == nil ? "the inputs fit into the page cache" : "as asked for"
      return
    }
    let largest = files.sorted { $0.byteCount > $1.byteCount }.prefix(InputChoice.sampledFiles)
    if let refusing = largest.first(where: { !$0.canBeReadDirectly }) {
      (mode, reason) = (.pread, "\(refusing.path) cannot be read around the page cache")
    } else if asked == .direct {
      (mode, reason) = (.direct, "as asked for")
    } else if InputChoice.cachedShare(of: Array(largest)) > 0.5 {
      (mode, reason) = (.pread, "most of the inputs lie in the page cache")
    } else {
      (mode, reason) = (.direct, "the inputs exceed the page cache, so it is left out")
    }
  }

  /// About how much of files lies in the page cache, from 0 to 1.
  private static func cachedShare(of files: [InputFile]) -> Double {
    var (sum, count) = (0.0, 0.0)
    for file in files where file.byteCount > 0 {
      for place in 0..<sampledPlaces {
        let start = file.byteCount / sampledPlaces * place
        let end = min(start + sampleByteCount, file.byteCount)
        sum += file.cachedShare(of: start..<end)
        count += 1
      }
    }
    return count > 0 ? sum / count : 0
  }
}
