internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// Weighs reading models again against packing what is needed of them.
///
/// The rates of computing are those of one lane, in elements of one model a second, measured on a
/// server core with AVX-512 (bench/README.md); what decides is the speed of the disk, which is
/// measured here and now.
struct SpillDecision {
  private static let countingRate = 0.9e9
  private static let mergingRate = 1.0e9
  private static let unpackingRate = 0.9e9
  private static let codecs: [(codec: FrameCodec, packingRate: Double)] = [
    (.zstd(level: FrameCodec.defaultLevel), 0.45e9), (.lz4, 0.55e9), (.none, 0.7e9),
  ]

  /// The bytes of all inputs, and those among them that a spill makes up for.
  var inputByteCount: Int
  var savedByteCount: Int
  /// The elements of those, of all models.
  var elementCount: Int
  var outputByteCount: Int
  var lanes: Int
  /// The bytes a second that the inputs' disk gives and the output's disk takes.
  var readRate: Double
  var writeRate: Double

  /// The expected seconds of both passes when models are read again.
  var rereadSeconds: Double {
    let read = Double(inputByteCount) / readRate
    let elements = Double(elementCount) / Double(lanes)
    return max(read, elements / SpillDecision.countingRate)
      + max(read + Double(outputByteCount) / writeRate, elements / SpillDecision.mergingRate)
  }

  /// The expected seconds of both passes with a spill.
  func spillSeconds(_ byteCount: Int, packingRate: Double) -> Double {
    let elements = Double(elementCount) / Double(lanes)
    let spilled = Double(byteCount)
    let first = max(
      Double(inputByteCount) / readRate + spilled / writeRate,
      elements / SpillDecision.countingRate + elements / packingRate)
    let second = max(
      Double(inputByteCount - savedByteCount) / readRate + spilled / readRate
        + Double(outputByteCount) / writeRate,
      elements / SpillDecision.mergingRate + elements / SpillDecision.unpackingRate)
    return first + second
  }

  /// The codec with which a spill is expected to be fastest, and the seconds; nil if reading again is
  /// faster, or no spill fits.
  func best(
    room: Int, byteCount: (FrameCodec) -> Int
  ) -> (codec: FrameCodec, seconds: Double)? {
    let choices = SpillDecision.codecs.compactMap { choice -> (FrameCodec, Double)? in
      let bytes = byteCount(choice.codec)
      guard bytes <= room else { return nil }
      return (choice.codec, spillSeconds(bytes, packingRate: choice.packingRate))
    }
    let best = choices.min { $0.1 < $1.1 }
    // A spill is more to go wrong; it has to be worth it.
    guard let best, best.1 < 0.95 * rereadSeconds else { return nil }
    return (best.0, best.1)
  }

  /// The bytes a second that files give which are not in the page cache; nil if all that was looked at
  /// is there, or cannot be read.
  static func readRate(of files: [InputFile]) -> Double? {
    let pieceByteCount = 4 << 20
    let largest = files.sorted { $0.byteCount > $1.byteCount }.prefix(4)
    var bytes = 0
    let start = MonotonicTime.now
    var reading = 0.0
    for piece in 0..<4 {
      for file in largest where file.byteCount >= 2 * pieceByteCount {
        let offset = (file.byteCount - pieceByteCount) / 5 * (piece + 1)
        let range = offset..<offset + pieceByteCount
        guard file.cachedShare(of: range) < 0.1 else { continue }
        let before = MonotonicTime.now
        guard (try? file.bytes(in: range)) != nil else { return nil }
        reading += MonotonicTime.now.seconds(since: before)
        bytes += pieceByteCount
        file.dropCachedPages(in: range)
        if MonotonicTime.now.seconds(since: start) > 0.3 { break }
      }
    }
    return bytes > 0 && reading > 0 ? Double(bytes) / reading : nil
  }
}
