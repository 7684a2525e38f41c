internal import SluiceArchitecture
package import SluiceCore
internal import SluiceMethods
package import SluiceRecipe
package import SluiceStages

/// Says of names whether they stand in a block, of each as the one before if it begins alike.
private struct BlockLook {
  private var last = ""

  mutating func has(_ name: String) -> Bool {
    if !last.isEmpty, name.begins(withBytesOf: last) { return true }
    guard BlockName.isInBlock(name) else { return false }
    last = "\(BlockName.block(of: name))."
    return true
  }
}

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
    // In one look: there may be ten thousands of tensors.
    var (hasWeights, hasLinear, whole, pruned) = (false, false, 0, 0)
    var largest: TensorTask?
    var block = BlockLook()
    for task in tasks where task.base.dtype.isMergeable && task.part.kind != .rotary {
      let isLinear = task.role == .linear
      hasWeights = true
      hasLinear = hasLinear || isLinear
      guard task.dimensions.count > 1, block.has(task.name) else { continue }
      whole += task.elementCount
      if isLinear {
        pruned += task.elementCount
      } else if largest.map({ $0.elementCount < task.elementCount }) ?? true {
        largest = task
      }
    }
    guard hasWeights else { return [] }
    let remedy =
      "sluice inspect --roles shows what each tensor is taken for, --linear-include 'PATTERN' prunes "
      + "more"
    guard hasLinear else {
      return [
        Warning(
          .littlePruned, subject: Subject(model: "base", file: base),
          message: "no tensor is taken for a linear layer, so nothing is pruned although "
            + "\(asked) was asked for; \(remedy)")
      ]
    }
    guard Double(pruned) < leastShare * Double(whole) else { return [] }
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
