import Platform

/// A method of mergekit, by the name that its recipes have for it.
public enum MergekitMethod: String, CaseIterable, Hashable, Sendable {
  /// The mean of the models.
  case linear
  /// The way from the base to a model along an arc.
  case slerp
  /// Two models along an arc by their weights.
  case nuslerp
  /// The spherical mean in one step.
  case multislerp
  /// The spherical mean.
  case karcher
  /// A model as it is.
  case passthrough
  /// Add task vectors up.
  case taskArithmetic = "task_arithmetic"
  /// Trim each tensor by magnitude, elect signs.
  case ties
  /// Drop at random.
  case dareLinear = "dare_linear"
  /// Drop at random, elect signs.
  case dareTies = "dare_ties"
  /// Drop the smallest and the largest deltas.
  case breadcrumbs
  /// The same, elect signs.
  case breadcrumbsTies = "breadcrumbs_ties"
  /// Drop at random by rank, elect signs.
  case della
  /// Drop at random by rank.
  case dellaLinear = "della_linear"
  /// Between the base and the mean, by angles.
  case modelStock = "model_stock"
  /// Keep what differs most between models, elect signs.
  case sce
  /// Go a fixed way towards a model.
  case nearswap
  /// Keep what one model alone changed.
  case ram
  /// The same, rescaled.
  case ramplusTL = "ramplus_tl"
  /// Take what matters most of a model.
  case arceeFusion = "arcee_fusion"

  /// Its name as a part of a scenario's.
  var word: String { rawValue.replacing("_", with: "-") }

  /// Whether the recipe names a base model.
  private var hasBase: Bool {
    ![.linear, .nuslerp, .multislerp, .karcher, .passthrough].contains(self)
  }

  /// How many models beside the base it takes at most.
  private var modelLimit: Int {
    [.slerp, .passthrough, .nearswap, .arceeFusion].contains(self) ? 1 : .max
  }

  /// Whether each model has a weight.
  private var hasWeights: Bool {
    modelLimit > 1 && ![.karcher, .modelStock, .sce, .ram, .ramplusTL].contains(self)
  }

  /// Whether each model has a density.
  private var hasDensities: Bool {
    [
      .ties, .dareLinear, .dareTies, .breadcrumbs, .breadcrumbsTies, .della, .dellaLinear,
    ].contains(self)
  }

  /// The parameters for all models, as lines of the recipe.
  private var shared: [String] {
    switch self {
    case .slerp: ["t: 0.4"]
    case .nearswap: ["t: 0.001"]
    case .della, .dellaLinear: ["epsilon: 0.1"]
    case .sce: ["select_topk: 0.5"]
    default: []
    }
  }

  /// Whether the result has four bytes for each of the recipe's two.
  var isWidening: Bool { self == .ramplusTL || self == .arceeFusion }

  /// A recipe that does what the scenario of sluice does which it is compared with.
  /// - Parameters:
  ///   - base: the folder of the base model.
  ///   - models: the folders of the fine-tuned models.
  ///   - dtype: the type as PyTorch calls it.
  /// - Returns: the text of the recipe.
  func recipe(base: String, models: [String], dtype: String) -> String {
    var lines = ["merge_method: \(rawValue)", "dtype: \(dtype)"]
    if hasBase { lines.append("base_model: \(quoted(base))") }
    if !shared.isEmpty { lines += ["parameters:"] + shared.map { "  " + $0 } }
    lines.append("models:")
    for model in models.prefix(modelLimit) {
      lines.append("  - model: \(quoted(model))")
      if hasWeights { lines += ["    parameters:", "      weight: 1.0"] }
      if hasDensities { lines.append("      density: \(Scenario.density)") }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A text as YAML and JSON both write it.
  private func quoted(_ text: String) -> String {
    JSON.string(text).compactText
  }
}
