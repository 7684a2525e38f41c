internal import Foundation
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// What the reference calls its methods, in the words of the product.
extension TinyMerge {
  func setMethod(_ method: inout MethodParameters) throws {
    method.pruning = try known(.init(rawValue: options.prune.rawValue))
    method.merging = try known(.init(rawValue: options.merge.rawValue))
    method.significance = options.significance.flatMap { .init(rawValue: $0.rawValue) }
    method.scalesDeviations = options.scalesDeviations
    method.rebalancesRates = options.rebalances
    method.denominator = options.dividesByAll ? .all : .linear
    method.owlNormalisation = options.owlUsesRange ? .minmax : .maxabs
    method.gramShare = options.gramShare
    method.blendRate = options.blendRate
    method.blendFactor = options.blendFactor
    if options.merge == .ownRegMean {
      method.sketchRank = sketchRank
      if options.compensatesBlends { (method.compensation, method.ridge) = (.own, options.ridge) }
    } else if options.ownRank != nil {
      method.compensation = .own
      method.sketchRank = sketchRank
      method.ridge = options.ridge
    } else if options.prune == .dare || options.rescale == .rowL2 {
      method.rescale = try known(.init(rawValue: options.rescale.rawValue))
    }
    method.rowFactor = options.rescale == .rowL2 ? options.rowFactor : 1
    method.maskUnit = options.keepsByRow ? .row : .tensor
    method.maskScope = options.dropsLinearOnly ? .linear : .all
    method.seed = options.seed
    method.tiesFlavor = try known(.init(rawValue: options.flavor.rawValue))
    method.tiesDensity = options.density
    method.zeroSign = options.zeroSign.flatMap { .init(rawValue: $0.rawValue) }
    method.tiesAggregation = options.addsElected ? .sum : .mean
  }

  private var sketchRank: SketchRank? {
    options.ownPercent.map { .percent($0) } ?? options.ownRank.map { .count(UInt64($0)) }
  }

  func addFiles(to recipe: inout MergeRecipe, in directory: ScratchDirectory) throws {
    for (model, tuned) in family.fineTuned.enumerated() where options.prune == .wanda {
      let vectors = (options.norms[tuned.name] ?? [:]).sorted { $0.key < $1.key }.map {
        TinyTensor($0.key, .f32, values: $0.value.map { Double($0) })
      }
      let path = directory("norms-\(tuned.name).safetensors")
      try Data(TinyModel.safetensors(vectors)).write(to: URL(fileURLWithPath: path))
      recipe.models[model].extraFiles[.activations] = path
    }
    if options.merge.rawValue.hasPrefix("adamerging") {
      let models = family.fineTuned.map { tuned in
        let own = options.coefficients[tuned.name] ?? (0, [:])
        let tensors = own.tensors.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        return "\"\(tuned.name)\": {\"default\": \(own.common), \"tensors\": {\(tensors)}}"
      }
      let path = directory("coefficients.json")
      try Data("{\(models.joined(separator: ", "))}".utf8).write(to: URL(fileURLWithPath: path))
      recipe.extraFiles[.coefficients] = path
    }
  }
}
