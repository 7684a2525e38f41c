internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStages

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
  /// The part of what a disk gives to those who only read that a run gets of it.
  private static let sustainedShare = 0.92
  /// The seconds that a byte of frames takes longer to read than one of models: they come in smaller pieces.
  private static let frameCost = 0.15e-9
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
  /// The bytes of frames that the budget is expected to have room for.
  var heldByteCount = 0
  /// What the disk gives; it is taken to take as much.
  var rate: DiskRate

  /// About the bytes of a budget that are left for frames.
  ///
  /// - Parameters:
  ///   - budget: The bytes of the budget.
  ///   - lanes: The number of lanes.
  ///   - modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  static func heldByteCount(of budget: Int, lanes: Int, modelCount: Int) -> Int {
    // Chunks of BF16 with room for their frames, three of a lane, and what a lane packs with.
    let lane = (6 * (modelCount + 1) + 9 * modelCount) << 20
    return max(0, budget - lanes * lane - (12 << 20))
  }

  /// The expected seconds when models are read again.
  var rereadSeconds: Double {
    seconds(reading: surveyedByteCount, writing: 0, computing: 1 / SpillDecision.countingRate)
      + seconds(
        reading: inputByteCount, writing: outputByteCount, computing: 1 / SpillDecision.mergingRate)
      + SpillDecision.outsideOfPasses
  }

  /// The expected seconds with a spill.
  private func spillSeconds(_ frames: Int, _ choice: Choice) -> Double {
    // What stays in memory is neither written nor read.
    let byteCount = max(0, frames - heldByteCount)
    return seconds(
      reading: surveyedByteCount, writing: byteCount,
      computing: 1 / SpillDecision.countingRate + 1 / choice.packingRate)
      + seconds(
        reading: inputByteCount - savedByteCount + byteCount, writing: outputByteCount,
        computing: 1 / SpillDecision.mergingRate + 1 / choice.unpackingRate)
      + SpillDecision.frameCost * Double(byteCount) + SpillDecision.outsideOfPasses
  }

  /// The expected seconds of a pass that computes so long for an element.
  private func seconds(reading: Int, writing: Int, computing: Double) -> Double {
    let bytes =
      Double(max(reading, writing)) + rate.unhiddenWriting * Double(min(reading, writing))
    let disk = bytes / (SpillDecision.sustainedShare * rate.reading)
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

  /// Whether a spill that is expected to take so many seconds is worth it: it is more to go wrong.
  func isWorthIt(_ seconds: Double) -> Bool { seconds < 0.9 * rereadSeconds }
}

extension SpillDecision {
  /// What is decided from, of a run.
  init(_ spillInputs: SpillPlan.Inputs, _ rate: DiskRate) {
    let linear = spillInputs.tasks.filter { $0.role == .linear }
    let models = spillInputs.recipe.models.indices.filter { !spillInputs.stored.isStored($0) }
    var (saved, surveyed, elements) = (0, 0, 0)
    for task in linear {
      surveyed += task.elementCount * (task.base.dtype.byteCount ?? 1)
      for model in models {
        guard let source = task.fineTuned[model], source.computed == nil else { continue }
        saved += task.elementCount * (source.dtype.byteCount ?? 1)
        elements += task.elementCount
      }
    }
    self.init(
      inputByteCount: TensorPlan.inputByteCount(spillInputs.tasks),
      surveyedByteCount: surveyed + saved, savedByteCount: saved,
      elementCount: elements,
      outputByteCount: spillInputs.tasks.reduce(0) {
        $0 + $1.elementCount * ($1.outputDType.byteCount ?? 1)
      }, lanes: max(spillInputs.options.threads, 1),
      heldByteCount: SpillDecision.heldByteCount(
        of: spillInputs.options.memory.bytes, lanes: max(spillInputs.options.threads, 1),
        modelCount: models.count),
      rate: rate)
  }
}
