internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

/// Checks of a recipe that need no file.
enum RecipeCheck {
  static func check(_ recipe: MergeRecipe) throws(PipelineError) {
    let method = recipe.method
    guard !recipe.models.isEmpty else {
      throw .usage("no fine-tuned model is given", remedy: "Add --model NAME=DIRECTORY.")
    }
    var names: Set<String> = ["base"]
    for model in recipe.models {
      guard names.insert(model.name).inserted else {
        throw .usage(
          "two models are called \(model.name.printable)",
          remedy: "Give each model a name of its own; the base is called base.")
      }
      guard model.weight.isFinite, Float(model.weight).isFinite else {
        throw .usage("the weight of model \(model.name) must be a finite number")
      }
      guard model.amplification.allSatisfy({ Float($0).isFinite }) else {
        throw .usage("the factors of model \(model.name) must be finite numbers")
      }
      let partitions = method.partitionRates
      guard method.pruning.row.bands == .partitions || model.amplification.isEmpty else {
        throw .usage(
          "--prune \(method.pruning.rawValue) has no partitions to amplify",
          remedy: "Leave the factors of model \(model.name) out.")
      }
      guard model.amplification.count <= partitions.count else {
        let rates = partitions.map { "\($0.value)" }.joined(separator: ", ")
        throw .usage(
          "model \(model.name) has \(model.amplification.count) factors for "
            + "\(partitions.count) partitions (rates \(rates))",
          remedy: "Give at most one factor for each partition, most severe first.")
      }
    }
    try checkMethod(recipe)
    guard method.significanceMultiple >= 0, method.significanceMultiple.isFinite else {
      throw .usage("the significance multiple must be a finite number of at least 0")
    }
    guard method.maxRateDeviation >= 0, method.maxRateDeviation <= 1 else {
      throw .usage("the largest rate deviation must lie in 0 ... 1")
    }
    guard Float(method.mergeScale).isFinite else {
      throw .usage("the merge scale must be a finite number")
    }
    guard recipe.shardSize.bytes > 0 else { throw .usage("the shard size must be above 0") }
    if let dtype = recipe.outputDType, !dtype.isMergeable {
      throw .usage("weights cannot be written as \(dtype), only as F32, F16, BF16 or F64")
    }
  }

  /// What is allowed and yet hardly meant.
  static func warnings(_ recipe: MergeRecipe) -> [Warning] {
    var warnings: [Warning] = []
    func resolved(_ path: String) -> String { (try? Directory.resolve(path)) ?? path }
    var paths: [String: String] = [resolved(recipe.base): "base"]
    for model in recipe.models {
      if let other = paths.updateValue(model.name, forKey: resolved(model.path)) {
        warnings.append(
          Warning(
            .oddInput, subject: Subject(model: model.name, file: model.path),
            message: "the same checkpoint as model \(other)"))
      }
    }
    return warnings
  }
}
