internal import SluiceMethods
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe

/// Whether a model's names are the base's: a whole model under other names is refused with the option
/// that renames it, and never taken for one that changes nothing.
enum NameCheck {
  static func check(
    _ model: SourceModel, base: SourceModel, _ rules: TensorRules
  ) throws(PipelineError) {
    let ownNames = base.catalog.layerNames
    // Most models have all of them, which is seen at once.
    guard !ownNames.allSatisfy(model.catalog.has) else { return }
    let names = model.catalog.layerNames
    guard !names.isEmpty else { return }
    let baseNames = Set(ownNames)
    let comparison = ModelNames(names, base: baseNames)
    let suggested = comparison.suggestion.map { renaming in
      let all = comparison.suggestedCount == names.count
      return (
        "\(all ? "all" : "\(comparison.suggestedCount)") of its names begin with "
          + "\"\(renaming.old)\" where the base's begin with \"\(renaming.new)\"",
        "--rename '\(renaming.old)=\(renaming.new)' renames them."
      )
    }
    // What the base has and the model does not, in weights that count.
    let found = baseNames.intersection(names).count
    if comparison.commonCount == 0 {
      guard let suggested else {
        throw .names(
          model.name, model.catalog.checkpoint.path,
          "none of its \(names.count) tensors is in the base: the two have no tensor in common",
          remedy: "Is this a fine-tune of that base? --rename 'OLD=NEW' renames what begins with "
            + "OLD.")
      }
      throw .names(
        model.name, model.catalog.checkpoint.path,
        "it has no tensor in common with the base: \(suggested.0)", remedy: suggested.1)
    }
    guard found * 2 < baseNames.count else { return try checkBlocks(model, base: base, rules) }
    if let suggested, comparison.suggestedCount > comparison.commonCount {
      throw .names(
        model.name, model.catalog.checkpoint.path,
        "only \(found) of the base's \(baseNames.count) tensors are in it: \(suggested.0)",
        remedy: suggested.1)
    }
    guard rules.absent != .base else { return }
    throw .names(
      model.name, model.catalog.checkpoint.path,
      "only \(found) of the base's \(baseNames.count) tensors are in it",
      remedy: "If it is a part of a model, --absent base takes what it lacks as unchanged.")
  }

  /// Refuses a model that has blocks, and of some of the base's blocks nothing: it has other layers.
  private static func checkBlocks(
    _ model: SourceModel, base: SourceModel, _ rules: TensorRules
  ) throws(PipelineError) {
    guard rules.absent != .base else { return }
    let names = model.catalog.layerNames + model.terms.keys
    let own = Set(names.filter(BlockName.isInBlock).map(BlockName.block))
    let missing = base.catalog.layerNames.filter {
      BlockName.isInBlock($0) && !own.contains(BlockName.block(of: $0))
    }
    guard let first = missing.first else { return }
    let blocks = Set(missing.map(BlockName.block)).count
    let name = BlockName.block(of: first).printable
    throw .names(
      model.name, model.catalog.checkpoint.path,
      blocks == 1
        ? "it has nothing of the block \(name), in which the base has \(missing.count) tensors"
        : "it has nothing of \(blocks) blocks of the base, of which \(name) is the first",
      remedy: "Is this a fine-tune of that base? --absent base takes what it lacks as unchanged.")
  }
}

extension PipelineError {
  fileprivate static func names(
    _ model: String, _ path: String, _ message: String, remedy: String
  ) -> PipelineError {
    .mismatch(model: model, file: path, tensor: nil, message, remedy: remedy)
  }
}
