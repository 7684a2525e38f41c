internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// From spectra to rates, and from rates to cuts.
extension Survey {
  /// The mean and the significance of every linear layer, and of its block if the rule asks for it.
  mutating func significance(of linear: [TensorTask]) throws -> LayerStatistics {
    let method = plan.recipe.method
    let rule = method.rateRule(deltaCount: plan.deltaCount)
    let measure = method.significance ?? rule.measure
    var layers = try statistics(
      "refine significance", linear.map { [$0] }, multiple: method.significanceMultiple, measure)
    let blockMultiple: Double
    switch rule.blockMultiple {
    case .none: return LayerStatistics(tasks: linear, layers: layers)
    case .sameAsLayers: blockMultiple = method.significanceMultiple
    case .fixed(let multiple): blockMultiple = multiple
    }
    let groups = Dictionary(grouping: linear) { BlockName.block(of: $0.name) }
    let names = Array(groups.keys)
    let blocks = try statistics(
      "refine block significance", names.map { groups[$0] ?? [] }, multiple: blockMultiple, measure)
    for (model, own) in blocks.enumerated() {
      let shares = Dictionary(uniqueKeysWithValues: zip(names, own.map(\.significance)))
      for position in linear.indices {
        layers[model][position].blockSignificance = shares[layers[model][position].block] ?? 0
      }
    }
    return LayerStatistics(tasks: linear, layers: layers)
  }

  private mutating func statistics(
    _ name: String, _ groups: [[TensorTask]], multiple: Double, _ measure: SignificanceMeasure
  ) throws -> [[LinearStatistics]] {
    try resolve(name, groups) { layer, whole, _ in
      let survey = LayerSurvey(
        whole, name: layer.tasks[0].name, significanceMultiple: multiple, measure: measure)
      return switch survey {
      case .known(let statistics): .success(statistics)
      case .needs(let bin): .failure(UnresolvedBins(request: BinRequest([bin])))
      }
    }
  }

  /// Where each partition's rate cuts each linear layer.
  mutating func cuts(
    of linear: [TensorTask], _ statistics: LayerStatistics
  ) throws -> CutTable {
    let method = plan.recipe.method
    let requested = method.partitionRates.map(\.value)
    let shifts = statistics.rateShifts(method.rateRule(deltaCount: plan.deltaCount))
    let counts = linear.map(\.elementCount)
    let starts = shifts.map { shifts in
      requested.map { rate in
        method.rebalancesRates
          ? RateBalance.start(requested: rate, shifts: shifts, elementCounts: counts) : rate
      }
    }
    let layers = try resolve("refine cuts", linear.map { [$0] }) { layer, whole, strips in
      let shift = shifts[layer.model][layer.position]
      let rates = zip(requested, starts[layer.model]).map { rate, start in
        // Nothing is pruned at rate 0: there is nothing to share out among the layers.
        rate == 0 ? 0 : start + shift
      }
      return Result { () throws(UnresolvedBins) in
        try LayerCuts(rates: rates, whole: whole, tieBreak: method.tieBreak, strips: strips)
      }
    }
    var table: [Int: [LayerCuts]] = [:]
    for (position, task) in linear.enumerated() {
      table[task.ordinal] = layers.map { $0[position] }
    }
    return CutTable(partitionCount: requested.count, layers: table)
  }
}
