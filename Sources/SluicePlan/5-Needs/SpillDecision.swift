internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats

/// Weighs reading models again against packing what is needed of them.
///
/// The rates of computing are those of one lane, in elements of one model a second, measured on a
/// server core with AVX-512 (bench/README.md); what decides is the speed of the disk, which is
/// measured here and now.
struct SpillDecision {
  private static let countingRate = 2.8e9
  private static let mergingRate = 1.5e9
  /// The processor's seconds that a byte from the disk costs.
  private static let readingCost = 0.03e-9
  /// The part of the shorter of reading and computing that is not hidden behind the longer.
  private static let unhiddenComputing = 0.2
  /// The same of reading and writing at a time.
  private static let unhiddenWriting = 0.5
  /// The part of what a disk gives to those who only read that a run gets of it.
  private static let sustainedShare = 0.88
  /// The seconds that a byte of frames takes longer to read than one of models: they come in smaller pieces, and
  /// through the page cache.
  private static let frameCost = 0.15e-9
  /// The seconds that a byte takes longer that goes through the page cache, for the second look to find it there.
  private static let cachedLookCost = 0.5e-9
  /// The seconds of the start, the end, and what lies between passes.
  private static let outsideOfPasses = 0.1
  /// A codec, and how fast it packs and unpacks.
  private struct Choice {
    let codec: FrameCodec
    let packingRate: Double
    let unpackingRate: Double
  }
  private static let choices = [
    Choice(codec: .rice, packingRate: 1.2e9, unpackingRate: 2.2e9),
    Choice(codec: .none, packingRate: 1.1e9, unpackingRate: 2.2e9),
  ]

  /// The bytes of all inputs, those among them that the first pass looks at, and those that a spill makes
  /// up for.
  var inputByteCount: Int
  var surveyedByteCount: Int
  var savedByteCount: Int
  /// The elements of those, of all models.
  var elementCount: Int
  var outputByteCount: Int
  var lanes: Int
  /// The bytes a second that the inputs' disk gives and the output's disk takes.
  var readRate: Double
  var writeRate: Double

  /// The expected seconds when models are read again.
  var rereadSeconds: Double {
    seconds(reading: surveyedByteCount, writing: 0, computing: 1 / SpillDecision.countingRate)
      + seconds(
        reading: inputByteCount, writing: outputByteCount, computing: 1 / SpillDecision.mergingRate)
      + SpillDecision.outsideOfPasses
  }

  /// The expected seconds with a spill.
  private func spillSeconds(_ byteCount: Int, _ choice: Choice) -> Double {
    seconds(
      reading: surveyedByteCount, writing: byteCount,
      computing: 1 / SpillDecision.countingRate + 1 / choice.packingRate)
      + seconds(
        reading: inputByteCount - savedByteCount + byteCount, writing: outputByteCount,
        computing: 1 / SpillDecision.mergingRate + 1 / choice.unpackingRate)
      + SpillDecision.frameCost * Double(byteCount) + SpillDecision.outsideOfPasses
  }

  /// The expected seconds of a pass that computes so long for an element.
  private func seconds(reading: Int, writing: Int, computing: Double) -> Double {
    let share = SpillDecision.sustainedShare
    let (read, written) = (
      Double(reading) / (share * readRate), Double(writing) / (share * writeRate)
    )
    let disk = max(read, written) + SpillDecision.unhiddenWriting * min(read, written)
    let processor =
      (Double(elementCount) * computing + Double(reading) * SpillDecision.readingCost)
      / Double(lanes)
    return max(disk, processor) + SpillDecision.unhiddenComputing * min(disk, processor)
  }

  /// The codec with which a spill is expected to be fastest, and the seconds; nil if none fits.
  func best(
    room: Int, byteCount: (FrameCodec) -> Int
  ) -> (codec: FrameCodec, seconds: Double)? {
    let choices = SpillDecision.choices.compactMap { choice -> (FrameCodec, Double)? in
      let bytes = byteCount(choice.codec)
      guard bytes <= room else { return nil }
      return (choice.codec, spillSeconds(bytes, choice))
    }
    return choices.min { $0.1 < $1.1 }
  }

  /// Whether a spill that is expected to take so long is worth it: it is more to go wrong.
  ///
  /// - Parameters:
  ///   - seconds: What it takes where the budget has room for what is looked at twice.
  ///   - hasRoom: Whether it has.
  /// - Returns: Whether it is worth it.
  func isWorthIt(_ seconds: Double, hasRoom: Bool = true) -> Bool {
    let more = hasRoom ? 0 : SpillDecision.cachedLookCost * Double(surveyedByteCount)
    return seconds + more < 0.9 * rereadSeconds
  }
}
