internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceStages

extension DimensionFigures {
  /// The most layers that are counted.
  static let layerLimit = 256

  /// Counts the layers whose names match a pattern again.
  ///
  /// - Parameters:
  ///   - facts: The report.
  ///   - pattern: The pattern; nil for the kind of layer with the highest mean significance.
  ///   - isStopped: Throws when it is time to stop.
  /// - Returns: The counts, or why there are none.
  /// - Throws: What `isStopped` throws.
  package static func read(
    _ facts: ReportedMerge, pattern: String?, isStopped: () throws -> Void
  ) throws -> DimensionFigures {
    guard facts.cutsByMagnitude else {
      return .missing("the report of --prune \(facts.prune.printable) has no cuts to go by")
    }
    guard let first = facts.models.first, !first.layers.isEmpty else {
      return .missing("the report lists no linear layers")
    }
    let names: [String]
    let shown: String
    if let pattern {
      names = first.layers.map(\.name).filter { Glob.matches(pattern: pattern, $0) }
      shown = pattern
    } else {
      shown = mostSignificant(first.layers)
      names = first.layers.filter { $0.linear == shown }.map(\.name)
    }
    guard !names.isEmpty else {
      return .missing("no linear layer matches \(shown.printable)")
    }
    let recount: MaskRecount
    do throws(FormatError) {
      recount = try MaskRecount(facts)
    } catch {
      return .missing(
        "which deltas were kept is not in the report, and base and models, from which it can be counted again, "
          + "were not all where the report says: "
          + "\(error.failure.subject.file.map { $0.printable + ": " } ?? "")\(error.failure.message)"
      )
    }
    var counts: [DimensionCounts] = []
    for name in names.sorted(by: { NaturalOrder.isOrderedBefore($0, $1) }).prefix(layerLimit) {
      try isStopped()
      do {
        if let count = try recount.counts(of: name, isStopped: isStopped) { counts.append(count) }
      } catch let error as any SluiceError where error.failure.exitCode != .interrupted {
        return .missing("\(name.printable) could not be read: \(error.failure.message)")
      }
    }
    guard !counts.isEmpty else {
      return .missing(
        "counting again did not give the report's numbers: the inputs changed, or a stage of the recipe's "
          + "own came before the mask")
    }
    return .counted(counts, pattern: shown)
  }

  private static func mostSignificant(_ layers: [ReportedMerge.Layer]) -> String {
    let groups = Dictionary(grouping: layers, by: \.linear)
    func mean(_ layers: [ReportedMerge.Layer]) -> Double {
      layers.reduce(0) { $0 + $1.significance } / Double(max(layers.count, 1))
    }
    return groups.max { (mean($0.value), $1.key) < (mean($1.value), $0.key) }?.key ?? ""
  }
}
