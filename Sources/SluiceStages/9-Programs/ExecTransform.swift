internal import SluiceCore
public import SluiceKernels

/// A program that changes the deltas of one model: `exec` of kind `delta`.
///
/// One program works for each lane, for all models in turn. It is given pieces of at most a grain,
/// which begin at multiples of a grain, whatever the run's chunks are.
public struct ExecTransform: DeltaTransform {
  /// The program.
  public let spec: ExecSpec

  /// Makes the stage; nothing is started yet.
  ///
  /// - Parameter spec: The program.
  public init(_ spec: ExecSpec) { self.spec = spec }

  /// The name in plans and messages.
  public var name: String { spec.name }
  /// Which tensors the program changes.
  public var scope: TransformScope { spec.scope }
  /// Longer blocks, the statistics, and the shared memory.
  public var needs: StageNeeds {
    StageNeeds(
      statistics: spec.statistics.map(\.statistic),
      laneByteCount: (spec.sharedByteCount + spec.byteCount) / max(spec.modelNames.count, 1) + 1,
      usesGrains: true)
  }

  /// Makes the part that works in one lane on one model, with a program of its own.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(Runner(spec), model: model, kernels: kernels)
  }

  /// Makes the parts of one lane, which share a program.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to compute with.
  /// - Returns: One part for each model.
  public func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform] {
    let runner = Runner(spec)
    return (0..<modelCount).map { Lane(runner, model: $0, kernels: kernels) }
  }

  private final class Lane: LaneTransform {
    private let runner: Runner
    private let model: Int
    private let kernels: Kernels
    private var strip: Strip?
    private var statistics: [Double] = []

    init(_ runner: Runner, model: Int, kernels: Kernels) {
      self.runner = runner
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      self.strip = strip
      self.statistics = statistics
    }

    func begin(_ strip: Strip) throws { try begin(strip, statistics: []) }

    func apply(to block: DeltaBlock) throws {
      guard let strip else { preconditionFailure("a block before its strip") }
      let program = try runner.program()
      unsafe program.floats.update(from: block.values, count: block.count)
      let output = unsafe program.floats + ExecProgram.areaElements
      unsafe output.update(repeating: .nan, count: block.count)
      try program.work(
        strip, model: model, first: block.firstElement, count: block.count, statistics: statistics)
      unsafe block.values.update(from: output, count: block.count)
      if let index = unsafe kernels.firstNonFinite(block.values, count: block.count) {
        throw unsafe program.failure(
          .badInput, strip.task.name,
          "left \(block.values[index]) as element \(block.firstElement + index) of model "
            + runner.spec.modelNames[model] + "; every element must be written, and finite")
      }
    }
  }
}

/// A program that makes one delta of several: `exec` of kind `merge`.
public struct ExecOperator: MergeOperator {
  /// The program.
  public let spec: ExecSpec

  /// Makes the operator; nothing is started yet.
  ///
  /// - Parameter spec: The program.
  public init(_ spec: ExecSpec) { self.spec = spec }

  /// The name in plans and messages.
  public var name: String { spec.name }
  /// Longer blocks.
  public var usesGrains: Bool { true }
  /// The shared memory.
  public var laneByteCount: Int { spec.sharedByteCount + spec.byteCount }

  /// Not possible without a lane: a program is kept for all blocks.
  ///
  /// - Parameters:
  ///   - block: The deltas, and where the merged delta goes.
  ///   - kernels: The kernels to compute with.
  public func merge(_ block: MergeBlock, kernels: Kernels) {
    preconditionFailure("a program merges in a lane")
  }

  /// Makes the part that works in one lane, with a program of its own.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(kernels: Kernels) -> any LaneOperator { Lane(Runner(spec), kernels) }

  private final class Lane: LaneOperator {
    private let runner: Runner
    private let kernels: Kernels
    private var strip: Strip?

    init(_ runner: Runner, _ kernels: Kernels) {
      self.runner = runner
      self.kernels = kernels
    }

    func begin(_ strip: Strip) throws { self.strip = strip }

    func merge(_ block: MergeBlock) throws {
      guard let strip else { preconditionFailure("a block before its strip") }
      let program = try runner.program()
      let area = ExecProgram.areaElements
      for model in 0..<block.modelCount {
        unsafe (program.floats + model * area).update(
          from: block.deltas[model], count: block.count)
      }
      let output = unsafe program.floats + block.modelCount * area
      unsafe output.update(repeating: .nan, count: block.count)
      try program.work(
        strip, model: nil, first: block.firstElement, count: block.count, statistics: [])
      unsafe block.merged.update(from: output, count: block.count)
      if let index = unsafe kernels.firstNonFinite(block.merged, count: block.count) {
        throw unsafe program.failure(
          .badInput, strip.task.name,
          "left \(block.merged[index]) as element \(block.firstElement + index); every element "
            + "must be written, and finite")
      }
    }
  }
}

/// Starts a program when it is first needed, in the thread that needs it.
private final class Runner {
  let spec: ExecSpec
  private var running: ExecProgram?

  init(_ spec: ExecSpec) { self.spec = spec }

  func program() throws(StageError) -> ExecProgram {
    if let running { return running }
    let program = try ExecProgram(spec)
    running = program
    return program
  }
}
