internal import SluiceCore
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What about a model's linear layers a user should know: one warning for each kind, with an example.
///
/// Each layer is looked at once: there may be ten thousands.
struct LayerWarnings: Sendable {
  /// What is true of some layers, of one more than of another.
  private struct Finding: Sendable {
    /// Of how many.
    private(set) var count = 0
    private var degree = 0.0
    /// The first of those of which it is true the most.
    private(set) var worst = 0

    mutating func note(_ degree: Double, of index: Int) {
      guard degree > 0 else { return }
      count += 1
      if degree > self.degree { (self.degree, worst) = (degree, index) }
    }
  }

  private var unchanged = Finding()
  private var clamped = Finding()
  private var undecided = Finding()
  private var empty = Finding()

  /// Looks at the layer of a position.
  mutating func look(at layer: MergeReport.Layer, _ index: Int) {
    unchanged.note(LayerWarnings.isUnchanged(layer) ? 1 : 0, of: index)
    clamped.note(LayerWarnings.clamped(layer), of: index)
    let share = LayerWarnings.undecided(layer)
    undecided.note(share > 0.01 ? share : 0, of: index)
    empty.note(LayerWarnings.hasEmptyRing(layer) ? 1 : 0, of: index)
  }

  /// The warnings about the layers of a model, all of which were looked at.
  func warnings(_ model: MergeReport.Model) -> [Warning] {
    [
      about(model, .unchangedTensor, unchanged) { _ in
        "equal to the base's: nothing of them is merged"
      },
      about(model, .clampedRate, clamped) { layer in
        "assigned a rate outside 0 ... 1 (\(layer.cuts.unclampedRates.first ?? 0) here), which was "
          + "clamped"
      },
      about(model, .manyTies, undecided) { layer in
        "tied at the threshold in more than 1 % of their elements "
          + "(\(LayerWarnings.percent(LayerWarnings.undecided(layer))) here); --tie-break says which stay"
      },
      about(model, .emptyPartition, empty) { _ in
        "left with a partition that keeps nothing more than a more severe one"
      },
    ].compactMap(\.self)
  }

  /// One warning for all layers of which something is true, with the worst as the example.
  private func about(
    _ model: MergeReport.Model, _ kind: Warning.Kind, _ finding: Finding,
    _ what: (MergeReport.Layer) -> String
  ) -> Warning? {
    let count = finding.count
    guard count > 0 else { return nil }
    let example = model.layers[finding.worst]
    let layers = count == 1 ? "1 linear layer is" : "\(count) linear layers, this one first, are"
    return Warning(
      kind, subject: Subject(model: model.name, tensor: example.statistics.name),
      message: "\(layers) \(what(example))")
  }

  private static func clamped(_ layer: MergeReport.Layer) -> Double {
    layer.cuts.unclampedRates.reduce(0) { max($0, -$1, $1 - 1) }
  }

  private static func isUnchanged(_ layer: MergeReport.Layer) -> Bool {
    layer.statistics.elementCount > 0
      && layer.statistics.zeroCount == layer.statistics.elementCount
  }

  /// The share of elements at a threshold of which some stay and some go.
  private static func undecided(_ layer: MergeReport.Layer) -> Double {
    let tied = layer.cuts.cuts.reduce(0) { most, cut in
      cut.keptOfTied > 0 && cut.keptOfTied < cut.tied ? max(most, cut.tied) : most
    }
    return Double(tied) / Double(max(layer.statistics.elementCount, 1))
  }

  private static func hasEmptyRing(_ layer: MergeReport.Layer) -> Bool {
    guard !isUnchanged(layer), layer.statistics.elementCount >= 1000, layer.cuts.lastRate > 0
    else { return false }
    var before = 0
    return zip(layer.cuts.unclampedRates, layer.cuts.cuts).contains { rate, cut in
      defer { before = cut.kept }
      return rate < 1 && cut.kept == before
    }
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded() / 10) %"
  }
}
