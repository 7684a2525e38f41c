internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// How rates follow from what a survey found of linear layers, and cuts from the rates.
struct LayerCutting: Sendable {
  private let method: MethodParameters
  private let settings: TensorSettings
  private let rule: any RateRule

  init(_ inputs: PassInputs) {
    method = inputs.recipe.method
    settings = inputs.settings
    rule = inputs.rateRule
  }

  /// Whether a layer's rates depend on other layers.
  var looksAcross: Bool { rule.largestShift != 0 || method.rebalancesRates }

  /// The rates that follow from what is known of all linear layers.
  func rates(of statistics: LayerStatistics) -> LayerRates {
    let shifts = statistics.rateShifts(rule)
    let starts = starts(of: statistics.tasks, shifts)
    var layers: [Int: [[Double]]] = [:]
    layers.reserveCapacity(statistics.tasks.count)
    // Most layers are to be pruned alike.
    var partitions: [PruningRate: [PruningRate]] = [:]
    for (position, task) in statistics.tasks.enumerated() {
      layers[task.ordinal] = shifts.indices.map { model in
        let asked = settings.pruningRate(of: task, model: model)
        let rates = partitions[asked] ?? method.partitionRates(of: asked)
        partitions[asked] = rates
        return rates.map { rate in
          // Nothing is pruned at rate 0: there is nothing to share out among the layers.
          rate.value == 0
            ? 0 : (starts[model][rate] ?? rate.value) + shifts[model][position]
        }
      }
    }
    return LayerRates(layers: layers)
  }

  /// Where each partition's rate cuts each linear layer.
  func cuts(
    of linear: [TensorTask], _ rates: LayerRates, in survey: any HistogramSurvey,
    _ refineCuts: RefinePass
  ) throws -> CutTable {
    let layers = try survey.resolve(refineCuts, linear.map { [$0] }) {
      [tieBreak = method.tieBreak] layer, whole, strips in
      let rates = rates[layer.tasks[0].ordinal, layer.model]
      return Result { () throws(UnresolvedBins) in
        try LayerCuts(rates: rates, whole: whole, tieBreak: tieBreak, strips: strips)
      }
    }
    return CutTable(
      partitionCount: settings.partitionCount, layers: CutTable.layers(of: linear, layers))
  }

  /// For each model, where the rates start instead of at those asked for, if they are rebalanced.
  private func starts(
    of linear: [TensorTask], _ shifts: [[Double]]
  ) -> [[PruningRate: Double]] {
    let counts = linear.map(\.elementCount)
    return shifts.enumerated().map { model, shifts in
      // Rates that are rebalanced are the same for all tensors of a model.
      guard method.rebalancesRates, let first = linear.first else { return [:] }
      let rates = settings.partitionRates(of: first, model: model)
      return rates.reduce(into: [:]) { starts, rate in
        starts[rate] = RateBalance.start(
          requested: rate.value, shifts: shifts, elementCounts: counts)
      }
    }
  }
}

/// The rates of linear layers, as the rule gives them.
package struct LayerRates: Sendable, Hashable {
  /// For each layer by the ordinal of its task, and each model, the rate of each partition, most severe first.
  package let layers: [Int: [[Double]]]

  package init(layers: [Int: [[Double]]]) { self.layers = layers }

  /// The rates of a layer of a model.
  package subscript(task: Int, model: Int) -> [Double] {
    guard let rates = layers[task]?[model] else {
      preconditionFailure("rates are known of every linear layer that is cut")
    }
    return rates
  }
}

extension CutTable {
  /// What a table is made of: each model's cuts of each tensor.
  package static func layers<Cuts>(of tasks: [TensorTask], _ cuts: [[Cuts]]) -> [Int: [Cuts]] {
    var layers: [Int: [Cuts]] = [:]
    for (position, task) in tasks.enumerated() { layers[task.ordinal] = cuts.map { $0[position] } }
    return layers
  }
}
