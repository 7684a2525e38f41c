package import Foundation
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
package import SluicePlan
package import SluiceRun
package import SluiceRecipe

/// A merge of a tiny family: by the product, from disk to disk, and by the scalar reference.
package struct TinyMerge {
  /// What the product made.
  package struct Output {
    /// The merged model.
    package let model: TinyModel
    /// The report.
    package let report: MergeReport
  }

  /// The models.
  package let family: ModelFamily
  /// What is done with them, in the reference's words.
  package let options: ReferenceOptions

  /// Describes a merge.
  package init(_ family: ModelFamily, options: ReferenceOptions = ReferenceOptions()) {
    self.family = family
    self.options = options
  }

  /// Runs the product.
  package func run(
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
  package static func plan(_ recipe: MergeRecipe, _ run: RunOptions) throws -> MergePlan {
    do {
      return try MergePlan(recipe, options: run)
    } catch let error as PipelineError where error.failure.message.contains("nothing to spill") {
      var run = run
      run.spill = .off
      return try MergePlan(recipe, options: run)
    }
  }

  /// The finished weight files by name, byte for byte.
  package func shardBytes(layout: ShardingLayout) throws -> [String: Data] {
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

  /// Runs both, and tells where bytes of tensors or figures of the report differ.
  ///
  /// - Returns: A line for each difference; nothing if product and reference agree.
  package func differencesFromReference(
    layout: ShardingLayout = ShardingLayout(), run: RunOptions = RunOptions(threads: 2)
  ) throws -> [String] {
    let merged = try self.run(layout: layout, run: run)
    let reference = try referenceMerge(
      base: family.base, fineTuned: family.fineTuned, options: options)
    var differences: [String] = []
    let names = (Set(merged.model.tensors.map(\.name)), Set(reference.tensors.map(\.name)))
    if names.0 != names.1 {
      differences.append("tensors: \(names.0.symmetricDifference(names.1).sorted())")
    }
    for expected in reference.tensors {
      if let difference = merged.model[expected.name]?.difference(from: expected) {
        differences.append(difference)
      }
    }
    if merged.report.models.count != reference.models.count { differences.append("models") }
    for (model, expected) in zip(merged.report.models, reference.models) {
      guard model.layers.map(\.statistics.name) == expected.rows.map(\.name) else {
        differences.append("layers of \(model.name)")
        continue
      }
      for (layer, row) in zip(model.layers, expected.rows) {
        differences += TinyMerge.differences(layer, row).map { "\($0) of \(row.name)" }
      }
    }
    return differences
  }

  private static func differences(
    _ layer: MergeReport.Layer, _ row: ReferenceResult.Row
  ) -> [String] {
    let statistics = layer.statistics
    let figures = [
      ("elements", statistics.elementCount == row.statistics.elements),
      ("zeros", statistics.zeroCount == row.statistics.zeros),
      ("mean", statistics.mean == row.statistics.mean),
      ("significance", statistics.significance == row.statistics.significance),
      ("rates", layer.cuts.rates == row.rates), ("kept", layer.cuts.keptByRing == row.kept),
      ("number of cuts", layer.cuts.cuts.count == row.thresholds.count),
    ]
    // A threshold of zero keeps all that is not zero, however many elements "tie" there.
    let cuts = zip(layer.cuts.cuts, zip(row.thresholds, row.tied)).map { cut, expected in
      (
        "threshold",
        expected.0 <= 0 || cut.thresholdBits == 0
          || (cut.threshold == expected.0 && cut.tied == expected.1)
      )
    }
    return (figures + cuts).filter { !$0.1 }.map(\.0)
  }

  /// Writes the family's models.
  package func write(to directory: ScratchDirectory, layout: ShardingLayout = ShardingLayout())
    throws
  {
    try family.base.write(to: directory("base"), layout: layout)
    for tuned in family.fineTuned {
      try tuned.model.write(to: directory("model-" + tuned.name), layout: layout)
    }
  }

  /// The recipe.
  package func recipe(in directory: ScratchDirectory) throws -> MergeRecipe {
    var method = MethodParameters(pruningRate: try known(PruningRate(options.pruningRate)))
    method.partitionWidth = options.partitionWidth
    method.rates = try known(.init(rawValue: options.rates.rawValue))
    method.significanceMultiple = options.significanceMultiple
    method.maxRateDeviation = options.maxRateDeviation
    method.tieBreak = try known(.init(rawValue: options.tieBreak.rawValue))
    method.combination = try known(.init(rawValue: options.combine.rawValue))
    method.nonLinear = try known(.init(rawValue: options.nonlinear.rawValue))
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

/// A word of the reference that the product does not know.
private struct UnknownWord: Error {}

/// A value that is there.
func known<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw UnknownWord() }
  return value
}

extension TinyTensor {
  /// Where bytes differ first, rather than all of them; nil if they are the same.
  package func difference(from expected: TinyTensor) -> String? {
    guard dtype == expected.dtype, shape == expected.shape else {
      return "\(name): \(dtype) \(shape), expected \(expected.dtype) \(expected.shape)"
    }
    guard bytes != expected.bytes else { return nil }
    let place = zip(bytes, expected.bytes).enumerated().first { $0.element.0 != $0.element.1 }
    let element = (place?.offset ?? 0) / (dtype.byteCount ?? 1)
    let (found, wanted) = (floats?[element].description, expected.floats?[element].description)
    return "\(name), \(dtype), element \(element): \(found ?? "?"), expected \(wanted ?? "?")"
  }
}
