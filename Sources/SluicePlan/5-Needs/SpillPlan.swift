internal import SluiceRecipe
package import SluiceCore
package import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
package import SluiceStages

/// Whether pass 2 reads the models again or what pass 1 kept of them, and why.
package struct SpillPlan: Sendable, Hashable {
  /// How frames are compressed; nil if the models are read again.
  package internal(set) var codec: FrameCodec?
  /// Why, in a few words.
  package internal(set) var reason: String
  /// The bytes that are expected to be kept.
  package internal(set) var expectedByteCount = 0
  /// How far a layer's rate may lie below the one asked for.
  package let reach: Double
  /// How many times the mean a delta must exceed to be significant: what the inside of a bin there may
  /// be asked for is kept, too.
  package let significanceMultiple: Double
  /// Whether the frames become a store.
  package var isStore = false
  /// Whether frames of linear layers hold what a chain of stages leaves of the deltas, against zeros.
  package var holdsDeltas = false

  /// Whether the process that packs reads the frames, and nobody else.
  private(set) var staysInRun = false

  /// Whether anything is kept.
  package var isOn: Bool { codec != nil }

  /// What a plan needs to know of a run to decide.
  struct Inputs {
    let recipe: MergeRecipe
    let settings: TensorSettings
    let tasks: [TensorTask]
    let options: RunOptions
    let stored: StoredModels
    let inputsExceedCache: Bool
    let files: [InputFile]
    /// A directory on the disk where a spill would be; nil if that is not known.
    let directory: String?
  }

  /// Decides.
  ///
  /// - Parameters:
  ///   - spillInputs: What a plan knows of the run.
  ///   - isPart: Whether it is a part of a run of which it was decided before, `off` or `on`.
  /// - Throws: `PipelineError` if a spill was asked for and there is nothing to keep.
  init(_ spillInputs: Inputs, isPart: Bool = false) throws(PipelineError) {
    staysInRun = !isPart
    reach = (spillInputs.recipe.maxRateShift ?? 0) + 1e-9
    significanceMultiple = spillInputs.recipe.method.significanceMultiple
    // A part may be without the layers that are pruned.
    let obstacle =
      isPart
      ? nil
      : SpillPlan.obstacle(spillInputs.recipe)
        ?? (SpillPlan.keepsLess(spillInputs, reach: reach) ? nil : "no layer is pruned for sure")
    switch spillInputs.options.spill {
    case .off:
      codec = nil
      reason = "it was switched off"
    case .on(let codec):
      if let obstacle {
        throw .usage(
          "there is nothing to spill: \(obstacle)", remedy: "Leave --spill out, or say --spill off."
        )
      }
      self.codec = codec
      reason = "it was asked for"
    case .auto:
      codec = nil
      reason = obstacle ?? ""
    }
    if let codec { expectedByteCount = expectedBytes(spillInputs, codec) }
    if spillInputs.options.spill == .auto, obstacle == nil { decide(spillInputs) }
  }

  /// The plan of a store: every tensor is kept, linear ones from some rate on.
  package init(
    storing codec: FrameCodec, reach: Double, significanceMultiple: Double,
    holdsDeltas: Bool = false
  ) {
    self.codec = codec
    self.holdsDeltas = holdsDeltas
    self.reach = reach + 1e-9
    self.significanceMultiple = significanceMultiple
    reason = "the frames become the store"
    isStore = true
  }

  /// The lowest rate that a tensor may come to have, and why; 0 if every element can be needed.
  static func need(
    _ spillInputs: Inputs
  ) -> (TensorTask, Int) -> (rate: Double, why: String) {
    let reach = spillInputs.recipe.maxRateShift ?? 0
    let obstacle = obstacle(spillInputs.recipe)
    return { task, model in
      if task.role != .linear { return (0, "this tensor is not pruned here") }
      if let obstacle { return (0, obstacle) }
      let requested = spillInputs.settings.pruningRate(of: task, model: model)
      let lowest = lowest(requested, reach: reach)
      return (lowest, "here the rate may be as low as \(lowest.shortText)")
    }
  }

  /// Reads again, whatever was decided: for a budget that has no room for anything else.
  mutating func turnOff(_ why: String) {
    codec = nil
    expectedByteCount = 0
    reason = why
  }

  /// No spill, for a run that has no use for one.
  package static func off(_ why: String) -> SpillPlan { SpillPlan(reason: why) }

  private init(reason: String) {
    (codec, reach, significanceMultiple) = (nil, 0, 0)
    self.reason = reason
  }

  /// The smallest pattern that is kept of a tensor whatever is counted of it; nil if that depends on what is.
  package func fixedFloor(of task: TensorTask) -> UInt32? {
    if task.role != .linear { return 0 }
    // What stages left is kept but for the zeros.
    return holdsDeltas ? 1 : nil
  }

  /// The lowest rate that a tensor may come to have of which a rate was asked for.
  package func lowestRate(requested: PruningRate) -> Double {
    SpillPlan.lowest(requested, reach: reach)
  }

  /// Nothing is pruned at rate 0.
  private static func lowest(_ requested: PruningRate, reach: Double) -> Double {
    requested.value == 0 ? 0 : max(0, requested.value - reach)
  }

  /// Why pass 2 can need any element; nil if it cannot.
  private static func obstacle(_ recipe: MergeRecipe) -> String? {
    guard recipe.method.passes.contains(.survey) else {
      return "\(recipe.method.pruning.row.name) can keep elements of any size"
    }
    if let stage = recipe.stages.transforms(after: .delta).first {
      return "\(stage.name) stands before the mask and needs all elements"
    }
    guard recipe.maxRateShift != nil else {
      return "the rates of \(recipe.rateRule(deltaCount: 0).name) have no bound"
    }
    return nil
  }

  /// Whether any layer of a model that is not stored is pruned, whatever its significance is.
  private static func keepsLess(_ spillInputs: Inputs, reach: Double) -> Bool {
    let recipe = spillInputs.recipe
    let linear = spillInputs.tasks.filter { $0.role == .linear }
    let given = recipe.models.indices.filter { !spillInputs.stored.isStored($0) }
    return given.isEmpty
      || linear.contains { task in
        given.contains { model in
          task.fineTuned[model].map { $0.computed == nil } ?? false
            && spillInputs.settings.pruningRate(of: task, model: model).value > reach
        }
      }
  }

  /// Bytes of a spill, from what was measured of weights of each type: the share of an element's bytes
  /// that a kept one takes, and the bitmap.
  private func expectedBytes(_ spillInputs: Inputs, _ codec: FrameCodec) -> Int {
    spillInputs.tasks.filter { $0.role == .linear }.reduce(0) { sum, task in
      let read = task.fineTuned.indices.filter { model in
        !spillInputs.stored.isStored(model) && task.fineTuned[model]?.computed == nil
      }
      return read.reduce(sum) { sum, model in
        let lowest = lowestRate(requested: spillInputs.settings.pruningRate(of: task, model: model))
        return sum + SpillPlan.expectedBytes(task, model, lowestRate: lowest, codec)
      }
    }
  }

  /// About the bytes of the frames of a tensor.
  static func expectedBytes(
    _ task: TensorTask, _ model: Int, lowestRate: Double, _ codec: FrameCodec,
    asDeltas: Bool = false
  ) -> Int {
    guard let source = task.fineTuned[model] else { return 0 }
    let dtype =
      asDeltas ? .f32 : Kernels.packedDType(base: task.base.dtype, tuned: source.deltaDType)
    // Ties at the floor stay, too: half as many again in weights of 16 bits.
    let kept = 1 - lowestRate
    let share = dtype == .f32 ? kept : min(1, kept * 1.3)
    let bytesOfKept =
      switch (codec, dtype) {
      case (.none, .f32): 4.0
      case (_, .f32): 3.3
      case (.zstd, _), (.rice, _): 0.55
      case (.lz4, _): 0.9
      case (.none, _): 1.15
      }
    return Int(Double(task.fineTunedElementCounts[model]) * (0.125 + share * bytesOfKept))
  }

  /// Weighs what is saved against what it costs.
  private mutating func decide(_ spillInputs: Inputs) {
    guard spillInputs.inputsExceedCache else {
      reason = "the inputs stay in the page cache, where reading them again is faster"
      return
    }
    guard
      let rate = DiskRate.measured(
        spillInputs.files, lanes: max(spillInputs.options.threads, 1),
        writingTo: spillInputs.directory)
    else {
      reason = "the disk's speed could not be measured"
      return
    }
    let decision = SpillDecision(spillInputs, rate)
    // The output needs its room, too.
    let bytes = spillInputs.directory.flatMap { try? FileSystem.freeByteCount(at: $0) }
    let free = (bytes ?? .max) - decision.outputByteCount
    let room = min(free, spillInputs.options.spillLimit?.bytes ?? .max)
    let again =
      "reading the models again \(NumberFormat.fixed(decision.rereadSeconds, 1)) s"
    let speed = "expected at \(ByteCount(Int(rate.reading)))/s"
    guard let best = decision.best(room: room, byteCount: { expectedBytes(spillInputs, $0) })
    else {
      reason = "\(speed): \(again); there is no room for a spill"
      return
    }
    let packing =
      "packing them (\(best.codec.name)) \(NumberFormat.fixed(best.seconds, 1)) s"
    guard decision.isWorthIt(best.seconds) else {
      reason = "\(speed): \(again), \(packing), which is not worth it"
      return
    }
    codec = best.codec
    expectedByteCount = expectedBytes(spillInputs, best.codec)
    reason = "\(speed): \(again), \(packing)"
  }
}
