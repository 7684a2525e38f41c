internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Weighs reading models again against packing what is needed of them.
///
/// The rates of computing are those of one lane, in elements of one model a second, measured on a
/// server core with AVX-512 (bench/README.md); what decides is the speed of the disk, which is
/// measured here and now.
struct SpillDecision {
  private static let countingRate = 2.8e9
  private static let mergingRate = 1.5e9
  /// The processor's seconds that a byte from the disk costs.
  private static let readingCost = 0.2e-9
  /// A codec, and how fast it packs and unpacks.
  private struct Choice {
    let codec: FrameCodec
    let packingRate: Double
    let unpackingRate: Double
  }
  private static let choices = [
    Choice(codec: .zstd(), packingRate: 0.78e9, unpackingRate: 1.3e9),
    Choice(codec: .lz4, packingRate: 0.72e9, unpackingRate: 1.8e9),
    Choice(codec: .none, packingRate: 1.35e9, unpackingRate: 2.2e9),
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
    let reading = readingSeconds(inputByteCount)
    return max(read, elements / SpillDecision.countingRate + reading)
      + max(
        read + Double(outputByteCount) / writeRate, elements / SpillDecision.mergingRate + reading)
  }

  /// What reading costs each lane's processor.
  private func readingSeconds(_ byteCount: Int) -> Double {
    Double(byteCount) * SpillDecision.readingCost / Double(lanes)
  }

  /// The expected seconds of both passes with a spill.
  private func spillSeconds(_ byteCount: Int, _ choice: Choice) -> Double {
    let elements = Double(elementCount) / Double(lanes)
    let spilled = Double(byteCount)
    let first = max(
      Double(inputByteCount) / readRate + spilled / writeRate,
      elements / SpillDecision.countingRate + elements / choice.packingRate
        + readingSeconds(inputByteCount))
    let second = max(
      Double(inputByteCount - savedByteCount) / readRate + spilled / readRate
        + Double(outputByteCount) / writeRate,
      elements / SpillDecision.mergingRate + elements / choice.unpackingRate
        + readingSeconds(inputByteCount - savedByteCount + byteCount))
    return first + second
  }

  /// The codec with which a spill is expected to be fastest, and the seconds; nil if reading again is
  /// faster, or no spill fits.
  func best(
    room: Int, byteCount: (FrameCodec) -> Int
  ) -> (codec: FrameCodec, seconds: Double)? {
    let choices = SpillDecision.choices.compactMap { choice -> (FrameCodec, Double)? in
      let bytes = byteCount(choice.codec)
      guard bytes <= room else { return nil }
      return (choice.codec, spillSeconds(bytes, choice))
    }
    let best = choices.min { $0.1 < $1.1 }
    // A spill is more to go wrong; it has to be worth it.
    guard let best, best.1 < 0.9 * rereadSeconds else { return nil }
    return (best.0, best.1)
  }

  /// The bytes a second that files give which are not in the page cache, to as many threads as a run
  /// reads with; nil if all that was looked at is there, or cannot be read.
  static func readRate(of files: [InputFile], lanes: Int) -> Double? {
    // Long runs, since the system reads ahead of those who read on.
    let (windowByteCount, runByteCount) = (8 << 20, 64 << 20)
    let largest = files.sorted { $0.byteCount > $1.byteCount }.filter {
      $0.byteCount >= 4 * runByteCount
    }
    let runs = (1...lanes).compactMap { lane -> (file: InputFile, start: Int)? in
      guard !largest.isEmpty else { return nil }
      let file = largest[(lane - 1) % largest.count]
      return (1...8).lazy.map { (file: file, start: file.byteCount / 10 * $0) }.first {
        $0.start + runByteCount <= file.byteCount
          && file.cachedShare(of: $0.start..<$0.start + runByteCount) < 0.1
      }
    }
    guard !runs.isEmpty else { return nil }
    let bytes = Atomic<Int>(0)
    let start = MonotonicTime.now
    let measured = try? Graph.forEach(runs, "disk", threads: runs.count) { run, _ in
      for offset in stride(from: run.start, to: run.start + runByteCount, by: windowByteCount) {
        let window = try run.file.map(
          offset..<offset + windowByteCount, populate: true, dropsCachedPages: true)
        try window.checkReadable()
        window.release()
        bytes.wrappingAdd(windowByteCount, ordering: .relaxed)
        if MonotonicTime.now.seconds(since: start) > 0.3 { return }
      }
    }
    guard measured != nil else { return nil }
    let seconds = MonotonicTime.now.seconds(since: start)
    return seconds > 0 ? Double(bytes.load(ordering: .relaxed)) / seconds : nil
  }
}
