internal import SluiceCore
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun

/// What was done with each model, in the columns that its methods have something to say in.
extension MergeSummary {
  /// One row for each model.
  static func models(_ report: MergeReport) -> String {
    let recipe = report.plan.recipe
    if let text = recipe.stepText { return "\(text)\n" }
    let (prune, merge) = (recipe.method.pruning.row, recipe.method.merging.row)
    let isCounted = report.models.contains { $0.layerCount > 0 }
    var columns: [(head: String, cell: (MergeReport.Model, MergeRecipe.Model?) -> String)] = [
      ("model", { report, _ in report.name.printable })
    ]
    if isCounted { columns.append(("linear layers", { report, _ in "\(report.layerCount)" })) }
    if prune.bands != .none {
      columns.append(
        (
          "requested",
          { _, model in
            guard let own = model?.pruningRate else {
              return NumberFormat.percent(recipe.method.pruningRate.value)
            }
            return own.constant.map { NumberFormat.percent($0) } ?? "by tensor"
          }
        ))
    }
    if isCounted {
      columns.append(
        ("pruned", { report, _ in report.achievedRate.map { NumberFormat.percent($0) } ?? "" }))
      columns.append(("kept", { report, _ in NumberFormat.grouped(report.keptCount) }))
    }
    let changes = isCounted ? [] : report.measuredChanges
    if changes.contains(where: { $0 != nil }) {
      columns.append(
        (
          "change",
          { own, _ in
            report.models.firstIndex { $0.name == own.name }
              .flatMap { changes[$0] }.map { NumberFormat.percent($0) } ?? ""
          }
        ))
    }
    if !isCounted, prune.bands != .none || (merge.elects && recipe.method.trimDensity < 1),
      report.models.indices.contains(where: { report.measuredKeptShare(model: $0) != nil })
    {
      columns.append(
        (
          "kept",
          { own, _ in
            report.models.firstIndex { $0.name == own.name }
              .flatMap { report.measuredKeptShare(model: $0) }.map { NumberFormat.percent($0) }
              ?? ""
          }
        ))
    }
    if report.models.contains(where: { $0.sketched != nil }) {
      columns.append(
        (
          "along directions",
          { report, _ in report.sketched.map { NumberFormat.percent($0.share) } ?? "" }
        ))
      if recipe.method.usedSketchRank.share != nil {
        columns.append(("directions", { report, _ in report.sketched?.countText ?? "" }))
      }
    }
    if report.models.contains(where: { $0.factors.contains { $0 != 1 } }) {
      columns.append(
        ("factors", { report, _ in report.factors.map { "\($0)" }.joined(separator: ", ") }))
    }
    if merge.modelParameters.contains(.weight), recipe.models.contains(where: \.isWeighted) {
      columns.append(
        (
          "weight",
          { _, model in
            model.map { $0.weightByTensor == nil ? "\($0.weight)" : "by tensor" } ?? ""
          }
        ))
    }
    var rows = [columns.map(\.head)]
    for model in report.models {
      let said = recipe.models.first { $0.name == model.name }
      rows.append(columns.map { $0.cell(model, said) })
    }
    return Format.table(rows) + remark(recipe.method, isCounted)
      + report.models.compactMap { shortLayers($0, recipe.method) }.joined()
  }

  /// Which layers of a model do not have the share along their directions that is asked for.
  private static func shortLayers(
    _ model: MergeReport.Model, _ method: MethodParameters
  ) -> String? {
    guard let found = model.sketched, let count = found.shortCount, count > 0 else { return nil }
    return "\(count) linear layer\(count == 1 ? "" : "s") of \(model.name.printable) did not reach "
      + "\(method.usedSketchRank.text) along \(found.directionCounts.upperBound) directions; the least was "
      + "\(NumberFormat.percent(found.least)) in \(found.leastTensor.printable)\n"
  }

  /// What the columns do not say.
  private static func remark(_ method: MethodParameters, _ isCounted: Bool) -> String {
    let (prune, density) = (method.pruning.row, method.trimDensity)
    let elects = method.merging.row.elects
    if prune.bands == .none {
      if elects, density < 1 {
        return "TIES left the largest \(NumberFormat.percent(density, 0)) of each model's changes\n"
      }
      if method.solvesOwn {
        return "all changes of all models were blended by their Gram matrices\n"
      }
      if method.blends {
        return method.blendRate > 0
          ? "the largest \(NumberFormat.percent(1 - method.blendRate, 0)) of each row of each model's "
            + "blended changes were merged\n"
          : "all changes of all models were blended along their directions\n"
      }
      let rest = elects ? "; where they contradict each other, the elected sign stays" : ""
      return "all changes of all models were merged\(rest)\n"
    }
    if isCounted { return "" }
    return prune.drawsMasks
      ? "changes were dropped at random, at the requested rate\n"
      : "changes were dropped at the requested rate, layer by layer\n"
  }
}

extension SketchShare {
  /// How many directions layers have.
  fileprivate var countText: String {
    let (fewest, most) = (directionCounts.lowerBound, directionCounts.upperBound)
    return fewest == most ? "\(most)" : "\(fewest) to \(most)"
  }
}
