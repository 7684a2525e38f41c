internal import SluiceCore
internal import SluiceKernels
internal import SluiceStages

/// What about a model's linear layers a user should know: one warning for each kind, with an example.
enum LayerWarnings {
  static func warnings(_ model: MergeReport.Model) -> [Warning] {
    [
      about(model, .unchangedTensor, isUnchanged) { count, _ in
        "\(count) linear layers equal the base's, among them this one; nothing of them is merged"
      },
      about(model, .clampedRate, { $0.cuts.rates != $0.cuts.unclampedRates }) { count, layer in
        "\(count) linear layers were assigned rates outside 0 ... 1, among them this one "
          + "(\(layer.cuts.unclampedRates.map { "\($0)" }.joined(separator: ", "))); they were clamped"
      },
      about(model, .manyTies, { tiedShare($0) > 0.01 }) { count, layer in
        "\(count) linear layers have more than 1 % of their elements exactly at a threshold, among "
          + "them this one (\(percent(tiedShare(layer)))); the tie rule decides which of them stay"
      },
      about(model, .emptyPartition, hasEmptyRing) { count, _ in
        "\(count) linear layers have a partition without elements, among them this one"
      },
    ].compactMap(\.self)
  }

  private static func about(
    _ model: MergeReport.Model, _ kind: Warning.Kind, _ holds: (MergeReport.Layer) -> Bool,
    _ message: (Int, MergeReport.Layer) -> String
  ) -> Warning? {
    let layers = model.layers.filter(holds)
    guard let example = layers.first else { return nil }
    return Warning(
      kind, subject: Subject(model: model.name, tensor: example.statistics.name),
      message: message(layers.count, example))
  }

  private static func isUnchanged(_ layer: MergeReport.Layer) -> Bool {
    layer.statistics.elementCount > 0
      && layer.statistics.zeroCount == layer.statistics.elementCount
  }

  private static func tiedShare(_ layer: MergeReport.Layer) -> Double {
    let tied = layer.cuts.cuts.map(\.tied).max() ?? 0
    return Double(tied) / Double(max(layer.statistics.elementCount, 1))
  }

  private static func hasEmptyRing(_ layer: MergeReport.Layer) -> Bool {
    !isUnchanged(layer) && layer.statistics.elementCount >= 1000
      && zip(layer.cuts.rates, layer.cuts.keptByRing).contains { $0 < 1 && $1 == 0 }
  }

  private static func percent(_ share: Double) -> String {
    "\((share * 1000).rounded() / 10) %"
  }
}
