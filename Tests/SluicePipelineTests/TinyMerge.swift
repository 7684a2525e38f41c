import Foundation
import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluicePipeline
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// A merge of a tiny family: by the product, from disk to disk, and by the scalar reference.
struct TinyMerge {
  struct Output {
    let model: TinyModel
    let report: MergeReport
  }

  let family: ModelFamily
  let options: ReferenceOptions

  init(_ family: ModelFamily, options: ReferenceOptions = ReferenceOptions()) {
    self.family = family
    self.options = options
  }

  /// Runs the product.
  func run(
    layout: ShardingLayout = ShardingLayout(), run: RunOptions = RunOptions(threads: 2),
    change: (inout MergeRecipe) -> Void = { _ in }
  ) throws -> Output {
    let directory = try ScratchDirectory()
    try write(to: directory, layout: layout)
    var recipe = try self.recipe(in: directory)
    change(&recipe)
    let plan = try TinyMerge.plan(recipe, run)
    let report = try MergeRun(plan, output: directory("out")).execute()
    return Output(model: try TinyModel.read(directory("out")), report: report)
  }

  /// The plan, without a spill where the method leaves nothing out for sure.
  static func plan(_ recipe: MergeRecipe, _ run: RunOptions) throws -> MergePlan {
    do {
      return try MergePlan(recipe, options: run)
    } catch let error as PipelineError where error.failure.message.contains("nothing to spill") {
      var run = run
      run.spill = .off
      return try MergePlan(recipe, options: run)
    }
  }

  /// The finished weight files by name, byte for byte.
  func shardBytes(layout: ShardingLayout) throws -> [String: Data] {
    let directory = try ScratchDirectory()
    try write(to: directory, layout: layout)
    let plan = try MergePlan(try recipe(in: directory), options: RunOptions(threads: 2))
    _ = try MergeRun(plan, output: directory("out")).execute()
    let names = try FileManager.default.contentsOfDirectory(atPath: directory("out"))
    return try Dictionary(
      uniqueKeysWithValues: names.filter { $0.hasPrefix("model") }.map { name in
        (name, try Data(contentsOf: URL(fileURLWithPath: directory("out/" + name))))
      })
  }

  /// Runs both and compares every tensor's bytes and every figure of the report.
  func expectEqualToReference(
    layout: ShardingLayout = ShardingLayout(), run: RunOptions = RunOptions(threads: 2)
  ) throws {
    let merged = try self.run(layout: layout, run: run)
    let reference = try referenceMerge(
      base: family.base, fineTuned: family.fineTuned, options: options)
    #expect(Set(merged.model.tensors.map(\.name)) == Set(reference.tensors.map(\.name)))
    for expected in reference.tensors {
      let result = try #require(merged.model[expected.name])
      #expect(result.dtype == expected.dtype && result.shape == expected.shape)
      result.expectSameBytes(as: expected)
    }
    for (model, expected) in zip(merged.report.models, reference.models) {
      #expect(model.layers.map(\.statistics.name) == expected.rows.map(\.name))
      for (layer, row) in zip(model.layers, expected.rows) {
        TinyMerge.expect(layer, equals: row)
      }
    }
  }

  private static func expect(_ layer: MergeReport.Layer, equals row: ReferenceResult.Row) {
    let statistics = layer.statistics
    #expect(statistics.elementCount == row.statistics.elements)
    #expect(statistics.zeroCount == row.statistics.zeros)
    #expect(statistics.mean == row.statistics.mean, "mean of \(row.name)")
    #expect(statistics.significance == row.statistics.significance, "significance of \(row.name)")
    #expect(layer.cuts.rates == row.rates, "rates of \(row.name)")
    #expect(layer.cuts.keptByRing == row.kept, "kept of \(row.name)")
    // A threshold of zero keeps all that is not zero, however many elements "tie" there.
    for (cut, (threshold, tied)) in zip(layer.cuts.cuts, zip(row.thresholds, row.tied))
    where threshold > 0 && cut.thresholdBits > 0 {
      #expect(cut.threshold == threshold && cut.tied == tied, "threshold of \(row.name)")
    }
  }

  /// Writes the family's models.
  func write(to directory: ScratchDirectory, layout: ShardingLayout = ShardingLayout()) throws {
    try family.base.write(to: directory("base"), layout: layout)
    for tuned in family.fineTuned {
      try tuned.model.write(to: directory("model-" + tuned.name), layout: layout)
    }
  }

  func recipe(in directory: ScratchDirectory) throws -> MergeRecipe {
    var method = MethodParameters(pruningRate: try #require(PruningRate(options.pruningRate)))
    method.partitionWidth = options.partitionWidth
    method.rates = try #require(.init(rawValue: options.rates.rawValue))
    method.significanceMultiple = options.significanceMultiple
    method.maxRateDeviation = options.maxRateDeviation
    method.tieBreak = try #require(.init(rawValue: options.tieBreak.rawValue))
    method.combination = try #require(.init(rawValue: options.combine.rawValue))
    method.nonLinear = try #require(.init(rawValue: options.nonlinear.rawValue))
    method.mergeScale = options.mergeScale
    let models = family.fineTuned.map { tuned in
      var model = MergeRecipe.Model(name: tuned.name, path: directory("model-" + tuned.name))
      model.amplification = options.amplify[tuned.name] ?? []
      model.weight = options.weight[tuned.name] ?? 1
      return model
    }
    try setMethod(&method)
    var recipe = MergeRecipe(base: directory("base"), models: models, method: method)
    try addFiles(to: &recipe, in: directory)
    recipe.method.outputDType = options.outputDType
    recipe.linearSet.include = options.include + (options.includesHead ? ["lm_head.weight"] : [])
    recipe.linearSet.exclude = options.exclude
    return recipe
  }
}

extension TinyMerge {
  static func randomOptions(
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

  static func randomRun(using random: inout RepeatableGenerator) -> RunOptions {
    var run = RunOptions(threads: Int.random(in: 1...4, using: &random))
    run.io = Bool.random(using: &random) ? .mmap : .pread
    run.vectorLevel =
      VectorLevel.allCases.filter(\.isSupported).randomElement(using: &random) ?? .best
    run.stripElements = Granularity.grainElements * Int.random(in: 1...3, using: &random)
    run.spill =
      [.off, .on(.none), .on(.lz4), .on(.zstd(level: 1)), .on(.zstd(level: 5))].randomElement(
        using: &random) ?? .off
    return run
  }
}

extension TinyTensor {
  /// Compares bytes and, where they differ, says where first rather than printing them all.
  func expectSameBytes(
    as expected: TinyTensor, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let width = dtype.byteCount ?? 1
    let place = zip(bytes, expected.bytes).enumerated().first { $0.element.0 != $0.element.1 }
    let element = (place?.offset ?? 0) / width
    let isSame = place == nil && bytes.count == expected.bytes.count
    #expect(
      isSame,
      """
      \(what) tensor \(name), \(dtype), element \(element): \
      found \(floats?[element].description ?? "?"), expected \
      \(expected.floats?[element].description ?? "?")
      """, sourceLocation: sourceLocation)
  }

  /// The tensor with every -0 of 16 bits replaced by +0.
  var withPositiveZeros: TinyTensor {
    var copy = self
    for high in stride(from: 1, to: bytes.count, by: 2)
    where bytes[high] == 0x80 && bytes[high - 1] == 0 { copy.bytes[high] = 0 }
    return copy
  }
}
