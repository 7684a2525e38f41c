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
    let largest = files.sorted { $0.byteCount > $1.byteCount }.prefix(InputChoice.sampledFiles)
    let refusing = largest.first { !$0.canBeReadDirectly }.map {
      "\($0.path) cannot be read around the page cache"
    }
    switch asked {
    case .direct: (mode, reason) = refusing.map { (.pread, $0) } ?? (.direct, "as asked for")
    case .some(let asked): (mode, reason) = (asked, "as asked for")
    case nil where !exceedsCache: (mode, reason) = (.pread, "the inputs fit into the page cache")
    case nil:
      if let refusing {
        (mode, reason) = (.pread, refusing)
      } else if InputChoice.cachedShare(of: Array(largest)) > 0.5 {
        (mode, reason) = (.pread, "most of the inputs lie in the page cache")
      } else {
        (mode, reason) = (.direct, "the inputs exceed the page cache, so it is left out")
      }
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
