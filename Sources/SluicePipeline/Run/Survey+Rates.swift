internal import SluiceRecipe
internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// From histograms to rates, and from rates to cuts.
extension Survey {
  /// The mean and the significance of every linear layer, and of its block if the rule asks for it.
  mutating func significance(of linear: [TensorTask]) throws -> LayerStatistics {
    let method = plan.recipe.method
    let rule = plan.rateRule
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
    let statistic =
      plan.recipe.stages.significance?.stage
      ?? SignificantShare(multiple: multiple, measure: measure)
    return try resolve(name, groups) { layer, whole, _ in
      let survey = LayerSurvey(whole, name: layer.tasks[0].name, significance: statistic)
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
    let settings = plan.settings
    let shifts = statistics.rateShifts(plan.rateRule)
    let starts = starts(of: linear, shifts)
    let layers = try resolve("refine cuts", linear.map { [$0] }) { layer, whole, strips in
      let shift = shifts[layer.model][layer.position]
      let requested = settings.partitionRates(of: layer.tasks[0], model: layer.model)
      let rates = requested.map { rate in
        // Nothing is pruned at rate 0: there is nothing to share out among the layers.
        rate.value == 0 ? 0 : (starts[layer.model][rate] ?? rate.value) + shift
      }
      return Result { () throws(UnresolvedBins) in
        try LayerCuts(rates: rates, whole: whole, tieBreak: method.tieBreak, strips: strips)
      }
    }
    var table: [Int: [LayerCuts]] = [:]
    for (position, task) in linear.enumerated() {
      table[task.ordinal] = layers.map { $0[position] }
    }
    return CutTable(partitionCount: settings.partitionCount, layers: table)
  }
  /// For each model, where the rates start instead of at those asked for, if they are rebalanced.
  private func starts(of linear: [TensorTask], _ shifts: [[Double]]) -> [[PruningRate: Double]] {
    let counts = linear.map(\.elementCount)
    return shifts.enumerated().map { model, shifts in
      // Rates that are rebalanced are the same for all tensors of a model.
      guard plan.recipe.method.rebalancesRates, let first = linear.first else { return [:] }
      let rates = plan.settings.partitionRates(of: first, model: model)
      return rates.reduce(into: [:]) { starts, rate in
        starts[rate] = RateBalance.start(
          requested: rate.value, shifts: shifts, elementCounts: counts)
      }
    }
  }

  /// Computes statistics of tensors for a stage that asked for them.
  ///
  /// - Returns: For each model, the values for each tensor by the ordinal of its task.
  mutating func values(
    of statistics: [any TensorStatistic], for stage: String, _ tasks: [TensorTask]
  ) throws -> [[Int: [Double]]] {
    try count("survey for \(stage)", tasks)
    let answers = try resolve("refine for \(stage)", tasks.map { [$0] }) { _, whole, _ in
      var values: [Double] = []
      var missing = BinRequest()
      for statistic in statistics {
        do throws(MagnitudeHistogram.Unresolved) {
          values.append(try statistic.value(of: whole))
        } catch {
          missing.add(error.binBits)
        }
      }
      return missing.bins.isEmpty ? .success(values) : .failure(UnresolvedBins(request: missing))
    }
    return answers.map { values in
      Dictionary(uniqueKeysWithValues: zip(tasks.map(\.ordinal), values))
    }
  }
}

extension MergePlan {
  /// How rates follow from significance: the method's rule, or one of the recipe's own.
  var rateRule: any RateRule {
    recipe.rateRule(deltaCount: deltaCount)
  }
}

extension MergeRecipe {
  /// The rule that gives each layer its rates.
  func rateRule(deltaCount: Int) -> any RateRule {
    stages.rates?.stage ?? method.rateRule(deltaCount: deltaCount)
  }

  /// How far a rate may lie from the requested one at most; nil if there is no bound.
  var maxRateShift: Double? {
    // Rates that are rebalanced begin somewhere else by as much again.
    rateRule(deltaCount: 0).largestShift.map { $0 * (method.rebalancesRates ? 2 : 1) }
  }
}
