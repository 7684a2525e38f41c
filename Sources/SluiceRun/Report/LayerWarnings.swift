internal import SluiceCore
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What about a model's linear layers a user should know: one warning for each kind, with an example.
enum LayerWarnings {
  static func warnings(_ model: MergeReport.Model) -> [Warning] {
    // One look at each layer finds out all of it: there may be ten thousands.
    let degrees = model.layers.map { layer in
      (
        unchanged: isUnchanged(layer) ? 1.0 : 0, clamped: clamped(layer),
        undecided: undecided(layer), empty: hasEmptyRing(layer) ? 1.0 : 0
      )
    }
    return [
      about(model, .unchangedTensor, degrees.map(\.unchanged)) { _ in
        "equal to the base's: nothing of them is merged"
      },
      about(model, .clampedRate, degrees.map(\.clamped)) { layer in
        "assigned a rate outside 0 ... 1 (\(layer.cuts.unclampedRates.first ?? 0) here), which was "
          + "clamped"
      },
      about(model, .manyTies, degrees.map { $0.undecided > 0.01 ? $0.undecided : 0 }) { layer in
        "tied at the threshold in more than 1 % of their elements "
          + "(\(percent(undecided(layer))) here); --tie-break says which stay"
      },
      about(model, .emptyPartition, degrees.map(\.empty)) { _ in
        "left with a partition that keeps nothing more than a more severe one"
      },
    ].compactMap(\.self)
  }

  /// One warning for all layers of which something is true, with the worst as the example.
  private static func about(
    _ model: MergeReport.Model, _ kind: Warning.Kind, _ degrees: [Double],
    _ what: (MergeReport.Layer) -> String
  ) -> Warning? {
    let count = degrees.count { $0 > 0 }
    guard count > 0, let worst = degrees.max(), let index = degrees.firstIndex(of: worst) else {
      return nil
    }
    let example = model.layers[index]
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
