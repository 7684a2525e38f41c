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
  mutating func look(
    at statistics: borrowing LinearStatistics, _ rates: Span<Double>, _ cuts: Span<Cut>,
    _ index: Int
  ) {
    let elements = statistics.elementCount
    let isUnchanged = elements > 0 && statistics.zeroCount == elements
    unchanged.note(isUnchanged ? 1 : 0, of: index)
    clamped.note(LayerWarnings.clamped(rates), of: index)
    let share = LayerWarnings.undecided(cuts, of: elements)
    undecided.note(share > 0.01 ? share : 0, of: index)
    let isLong = !isUnchanged && elements >= 1000
    empty.note(isLong && LayerWarnings.hasEmptyRing(rates, cuts) ? 1 : 0, of: index)
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
          + "(\(LayerWarnings.undecidedPercent(layer)) here); --tie-break says which stay"
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

  /// How far rates are above 1 or below 0.
  private static func clamped(_ rates: Span<Double>) -> Double {
    var most = 0.0
    for index in rates.indices { most = max(most, -rates[index], rates[index] - 1) }
    return most
  }

  /// The share of elements at a threshold of which some stay and some go.
  private static func undecided(_ cuts: Span<Cut>, of elements: Int) -> Double {
    var most = 0
    for index in cuts.indices {
      let cut = cuts[index]
      if cut.keptOfTied > 0, cut.keptOfTied < cut.tied { most = max(most, cut.tied) }
    }
    return Double(most) / Double(max(elements, 1))
  }

  private static func hasEmptyRing(_ rates: Span<Double>, _ cuts: Span<Cut>) -> Bool {
    guard LayerCuts.lastRate(rates) > 0 else { return false }
    var before = 0
    for index in 0..<min(rates.count, cuts.count) {
      if rates[index] < 1, cuts[index].kept == before { return true }
      before = cuts[index].kept
    }
    return false
  }

  private static func undecidedPercent(_ layer: MergeReport.Layer) -> String {
    let share = undecided(layer.cuts.cuts.span, of: layer.statistics.elementCount)
    return "\((share * 1000).rounded() / 10) %"
  }
}
