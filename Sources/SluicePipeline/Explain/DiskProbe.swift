internal import SluiceDataflow
internal import SluiceFormats

/// A quick look at how fast input files can be read now: from the disk, or from the page cache if
/// they are there.
enum DiskProbe {
  private static let blockByteCount = 4 << 20
  private static let secondLimit = 0.25

  /// Bytes a second, or 0 if there is too little to read for a measurement.
  static func readRate(of files: [InputFile]) -> Double {
    guard let file = files.max(by: { $0.byteCount < $1.byteCount }),
      file.byteCount >= 4 * blockByteCount
    else { return 0 }
    let start = MonotonicTime.now
    var byteCount = 0
    var seconds = 0.0
    let blocks = file.byteCount / blockByteCount
    // Blocks far apart, so that reading ahead does not do the work for the next.
    let step = max(1, blocks / 16)
    for position in stride(from: blocks - 1, through: 0, by: -step) {
      let offset = position * blockByteCount
      guard let bytes = try? file.bytes(in: offset..<offset + blockByteCount) else { break }
      byteCount += bytes.count
      seconds = MonotonicTime.now.seconds(since: start)
      if seconds > secondLimit { break }
    }
    return seconds > 0 ? Double(byteCount) / seconds : 0
  }
}
