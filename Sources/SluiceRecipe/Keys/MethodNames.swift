internal import SluiceCore
internal import SluiceMethods

/// A name for settings of the chain, as `merge_method` gives it.
///
/// A method is one more row.
struct NamedMethod: Sendable {
  /// The name, with `-` between words.
  let name: String
  /// What it is, in one sentence.
  let summary: String
  /// The settings that make the method, by key.
  let settings: [(key: String, value: String)]
  /// What it is if the recipe does not say otherwise, by key.
  var defaults: [(key: String, value: String)] = []
  /// Parameters that the method does not have, with the reason.
  var refused: [String: String] = [:]

  /// All names: some pairs of a pruning and a merging, every other pruning (merged by TIES if
  /// nothing else is said), and every merging (of all deltas, if no pruning is given).
  static let all: [NamedMethod] = pairs + prunings + mergings

  private static let pairs = [
    NamedMethod(
      name: "dppa", summary: "Dynamic pruning and partition amplification, merged by TIES.",
      settings: [("prune", "dppa"), ("merge", "ties")]),
    NamedMethod(
      name: "dp", summary: "Dynamic pruning without amplification, merged by TIES.",
      settings: [("prune", "dp"), ("merge", "ties")],
      refused: ["amplify": "dp does not amplify: use merge_method dppa"]),
    NamedMethod(
      name: "dare-ties", summary: "Random pruning, merged by TIES.",
      settings: [("prune", "dare"), ("merge", "ties")]),
    NamedMethod(
      name: "dare-linear", summary: "Random pruning, deltas added up.",
      settings: [("prune", "dare"), ("merge", "sum")]),
    taskArithmetic,
  ]

  static let taskArithmetic = NamedMethod(
    name: "task-arithmetic", summary: "Deltas added up, each times its model's weight.",
    settings: [("prune", "none"), ("merge", "sum")])

  private static let prunings = PruneMethod.table.filter { row in
    row.name != "none" && !pairs.contains { $0.name == row.name }
  }.map { row in
    NamedMethod(
      name: row.name, summary: row.summary, settings: [("prune", row.name)],
      defaults: [("merge", "ties")])
  }

  private static let mergings = MergeMethod.table.map { row in
    NamedMethod(
      name: row.name, summary: row.summary, settings: [("merge", row.name)],
      defaults: [("prune", "none")])
  }

  /// The method that a field names.
  static func read(_ field: RecipeField) throws(RecipeError) -> NamedMethod {
    let text = try field.text()
    let written = String(text.map { $0 == "_" ? "-" : $0 })
    // A name that mergekit has, too, is ours with this before it, however models are listed.
    let name = written.hasPrefix("sluice-") ? String(written.dropFirst("sluice-".count)) : written
    if let method = all.first(where: { $0.name == name }) { return method }
    throw field.error(
      "there is no method \(text.quotedForMessage)",
      remedy: ClosestWord.remedy(for: name, among: known))
  }

  /// All names that `merge_method` takes.
  private static var known: [String] {
    let own = all.map(\.name)
    return own
      + StepMethod.table.map(\.name).filter { name in
        !own.contains(String(name.map { $0 == "_" ? "-" : $0 }))
      }
  }

  /// Puts the method's settings into a recipe.
  func apply(to recipe: inout MergeRecipe) {
    for (name, value) in settings + defaults {
      if let row = ParameterRow.named(name) { recipe.method[row] = .word(value) }
    }
  }
}

/// Keys that mergekit's users may bring along and that have no counterpart, with what to do.
enum ForeignKeys {
  /// Why slices that are not all layers are refused.
  static let stacking = "layers are not stacked here: all models have the layers of the base"

  static let top: [String: String] = [
    "slices": stacking,
    "modules": "parts of a model are not merged apart: one recipe merges one model",
    "tokenizer-source": "the base's tokenizer is copied: remove the key",
    "tokenizer": "the base's tokenizer is copied: remove the key",
    "chat-template": "the base's chat template is copied: remove the key",
  ]
  static let parameters: [String: String] = [
    "normalize": "ties divides by the number of deltas that agree, sum by nothing: remove the key",
    "int8-mask": "masks are single bits here: remove the key",
    "select-topk": "it belongs to merge_method sce, with a list of models",
    "t": "it belongs to merge_method slerp and nearswap, with a list of models",
  ]
}
