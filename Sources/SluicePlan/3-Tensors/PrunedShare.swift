internal import SluiceArchitecture
package import SluiceCore
internal import SluiceMethods
package import SluiceRecipe
package import SluiceStages

/// How much of a model's blocks is pruned, where that was asked for.
package enum PrunedShare {
  /// Below this share of the weights of blocks somebody should look at the parts.
  private static let leastShare = 0.3

  /// A warning where no layer is linear, or most weights of blocks are not.
  package static func warnings(_ recipe: MergeRecipe, _ tasks: [TensorTask]) -> [Warning] {
    let pruning = recipe.method.pruning.row
    let prunesAll = recipe.method.uses(.at(\.maskScope)) && recipe.method.maskScope == .all
    guard pruning.bands != .none, recipe.method.pruningRate.value > 0, !prunesAll else { return [] }
    return warnings(
      tasks, base: recipe.base, asked: "--prune \(recipe.method.pruning.rawValue)")
  }

  /// The same where it is known that linear layers are to be pruned.
  package static func warnings(_ tasks: [TensorTask], base: String, asked: String) -> [Warning] {
    let weights = tasks.filter { $0.base.dtype.isMergeable && $0.part.kind != .rotary }
    guard !weights.isEmpty else { return [] }
    let linear = weights.filter { $0.role == .linear }
    let remedy =
      "sluice inspect --roles shows what each tensor is taken for, --linear-include 'PATTERN' prunes "
      + "more"
    guard !linear.isEmpty else {
      return [
        Warning(
          .littlePruned, subject: Subject(model: "base", file: base),
          message: "no tensor is taken for a linear layer, so nothing is pruned although "
            + "\(asked) was asked for; \(remedy)")
      ]
    }
    let inBlocks = weights.filter { BlockName.isInBlock($0.name) && $0.dimensions.count > 1 }
    let whole = inBlocks.reduce(0) { $0 + $1.elementCount }
    let pruned = inBlocks.reduce(0) { $0 + ($1.role == .linear ? $1.elementCount : 0) }
    guard Double(pruned) < leastShare * Double(whole) else { return [] }
    let largest = inBlocks.filter { $0.role != .linear }.max { $0.elementCount < $1.elementCount }
    let example = largest.map {
      "; the largest other is \($0.name.printable) (\($0.part.kind.rawValue): \($0.part.reason))"
    }
    let percent = Int((Double(pruned) / Double(whole) * 100).rounded(.down))
    return [
      Warning(
        .littlePruned, subject: Subject(model: "base", file: base),
        message: "only \(percent) % of the weights in blocks are in linear layers and pruned"
          + "\(example ?? ""); \(remedy)")
    ]
  }
}
