package import SluiceRecipe
internal import SluiceKernels
internal import SluiceStages

extension TinyMerge {
  /// Draws what is done with a family.
  package static func randomOptions(
    for family: ModelFamily, using random: inout RepeatableGenerator
  ) -> ReferenceOptions {
    var options = ReferenceOptions()
    options.pruningRate = [0, 0.3, 0.5, 0.8, 0.8, 0.9, 0.95].randomElement(using: &random) ?? 0.8
    options.rates = Bool.random(using: &random) ? .acl : .uniform
    options.combine = Bool.random(using: &random) ? .ring : .max
    options.nonlinear = [.merge, .merge, .average, .base].randomElement(using: &random) ?? .merge
    options.tieBreak = Reference.TieBreak.allCases.randomElement(using: &random) ?? .spread
    options.mergeScale = [1, 1, 0.7, 1.3].randomElement(using: &random) ?? 1
    options.outputDType = [nil, nil, .f32, .bf16].randomElement(using: &random) ?? nil
    options.significanceMultiple = [5, 5, 3, 1.5].randomElement(using: &random) ?? 5
    options.includesHead = Int.random(in: 0..<5, using: &random) == 0
    let partitions = Reference.partitionRates(from: options.pruningRate, width: 0.1).count
    for tuned in family.fineTuned {
      if Bool.random(using: &random) {
        options.amplify[tuned.name] = (0..<Int.random(in: 1...partitions, using: &random)).map {
          _ in Double.random(in: 0.5...2, using: &random)
        }
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        options.weight[tuned.name] = Double.random(in: 0.2...1.5, using: &random)
      }
    }
    return options
  }

  /// Draws how it is done.
  package static func randomRun(using random: inout RepeatableGenerator) -> RunOptions {
    var run = RunOptions(threads: Int.random(in: 1...4, using: &random))
    run.io = InputMode.allCases.randomElement(using: &random)
    run.edges = RunOptions.EdgeOption.allCases.randomElement(using: &random) ?? .auto
    run.vectorLevel =
      VectorLevel.allCases.filter(\.isSupported).randomElement(using: &random) ?? .best
    run.stripElements = Granularity.grainElements * Int.random(in: 1...3, using: &random)
    run.spill =
      [.off, .on(.none), .on(.rice), .on(.lz4), .on(.zstd()), .on(.zstd(level: 5))].randomElement(
        using: &random) ?? .off
    return run
  }
}
