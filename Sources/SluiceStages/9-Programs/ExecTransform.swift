internal import SluiceCore
package import SluiceKernels

/// A program that changes the deltas of one model: `exec` of kind `delta`.
///
/// One program works for each lane, for all models in turn. It is given pieces of at most a grain,
/// which begin at multiples of a grain, whatever the run's chunks are.
package struct ExecTransform: DeltaTransform {
  /// The program.
  package let spec: ExecSpec

  /// Makes the stage; nothing is started yet.
  package init(_ spec: ExecSpec) { self.spec = spec }

  /// The name in plans and messages.
  package var name: String { spec.name }
  /// Which tensors the program changes.
  package var scope: TransformScope { spec.scope }
  /// Longer tiles, the statistics, and the shared memory.
  package var needs: StageNeeds {
    StageNeeds(
      statistics: spec.statistics.map(\.statistic),
      laneByteCount: (spec.sharedByteCount + spec.byteCount) / max(spec.modelNames.count, 1) + 1,
      usesGrains: true)
  }

  /// Makes the part that works in one lane on one model, with a program of its own.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(Runner(spec), model: model, kernels: kernels)
  }

  /// Makes the parts of one lane, which share a program.
  package func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform] {
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

    func apply(to tile: DeltaTile) throws {
      guard let strip else { preconditionFailure("a tile before its strip") }
      let program = try runner.program()
      unsafe program.floats.update(from: tile.values, count: tile.count)
      let output = unsafe program.floats + ExecProgram.areaElements
      unsafe output.update(repeating: .nan, count: tile.count)
      try program.work(
        strip, model: model, first: tile.firstElement, count: tile.count, statistics: statistics)
      unsafe tile.values.update(from: output, count: tile.count)
      if let index = unsafe kernels.firstNonFinite(tile.values, count: tile.count) {
        throw unsafe program.failure(
          .badInput, strip.task.name,
          "left \(tile.values[index]) as element \(tile.firstElement + index) of model "
            + runner.spec.modelNames[model] + "; every element must be written, and finite")
      }
    }
  }
}

/// A program that makes one delta of several: `exec` of kind `merge`.
package struct ExecOperator: MergeOperator {
  /// The program.
  package let spec: ExecSpec

  /// Makes the operator; nothing is started yet.
  package init(_ spec: ExecSpec) { self.spec = spec }

  /// The name in plans and messages.
  package var name: String { spec.name }
  /// Longer tiles, and the shared memory.
  package var needs: StageNeeds {
    StageNeeds(laneByteCount: spec.sharedByteCount + spec.byteCount, usesGrains: true)
  }

  /// Makes the part that works in one lane, with a program of its own.
  package func makeLane(kernels: Kernels) -> any LaneOperator { Lane(Runner(spec), kernels) }

  private final class Lane: LaneOperator {
    private let runner: Runner
    private let kernels: Kernels
    private var strip: Strip?

    init(_ runner: Runner, _ kernels: Kernels) {
      self.runner = runner
      self.kernels = kernels
    }

    func begin(_ strip: Strip) throws { self.strip = strip }

    func merge(_ tile: MergeTile) throws {
      guard let strip else { preconditionFailure("a tile before its strip") }
      let program = try runner.program()
      let area = ExecProgram.areaElements
      for model in 0..<tile.modelCount {
        unsafe (program.floats + model * area).update(
          from: tile.deltas[model], count: tile.count)
      }
      let output = unsafe program.floats + tile.modelCount * area
      unsafe output.update(repeating: .nan, count: tile.count)
      try program.work(
        strip, model: nil, first: tile.firstElement, count: tile.count, statistics: [])
      unsafe tile.merged.update(from: output, count: tile.count)
      if let index = unsafe kernels.firstNonFinite(tile.merged, count: tile.count) {
        throw unsafe program.failure(
          .badInput, strip.task.name,
          "left \(tile.merged[index]) as element \(tile.firstElement + index); every element "
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

  func program() throws -> ExecProgram {
    if let running { return running }
    let program = try ExecProgram(spec)
    running = program
    return program
  }
}
