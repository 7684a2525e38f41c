internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages
internal import Synchronization

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
    var layers = LayerRates(of: statistics.tasks.map { $0.ordinal }, modelCount: shifts.count)
    // Most layers are to be pruned alike.
    var (last, partitions): (PruningRate?, [PruningRate]) = (nil, [])
    for (position, task) in statistics.tasks.enumerated() {
      for model in shifts.indices {
        let asked = settings.pruningRate(of: task, model: model)
        if asked != last { (last, partitions) = (asked, method.partitionRates(of: asked)) }
        let (own, shift) = (starts[model], shifts[model][position])
        for rate in partitions {
          // Nothing is pruned at rate 0: there is nothing to share out among the layers.
          layers.append(rate.value == 0 ? 0 : (own[rate] ?? rate.value) + shift)
        }
        layers.endLayer()
      }
    }
    return layers
  }

  /// Where each partition's rate cuts each linear layer.
  func cuts(
    of linear: [TensorTask], _ rates: LayerRates, in survey: any HistogramSurvey,
    _ refineCuts: RefinePass
  ) throws -> CutTable {
    let tieBreak = method.tieBreak
    let found = FoundCuts(
      CutTable(
        partitionCount: settings.partitionCount, of: linear.map { $0.ordinal },
        modelCount: survey.modelCount, room: rates.mostPartitions))
    try survey.settle(refineCuts, .each(linear)) { layer, record in
      let cuts = Result { () throws(UnresolvedBins) in
        try LayerCuts(
          rates: rates[layer.first.ordinal, layer.model], whole: record, tieBreak: tieBreak)
      }
      return found.take(cuts, of: layer) == nil
    } histograms: { layer, whole, strips in
      let cuts = Result { () throws(UnresolvedBins) in
        try LayerCuts(
          rates: rates[layer.first.ordinal, layer.model], whole: whole, tieBreak: tieBreak,
          strips: strips)
      }
      return found.take(cuts, of: layer)
    }
    return found.table
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

/// Where layers are cut, as far as threads have found it.
private final class FoundCuts: Sendable {
  private let cuts: Mutex<CutTable>

  init(_ table: CutTable) { cuts = Mutex(table) }

  /// Takes the cuts of a layer, or gives the bins back that must be known first.
  func take(
    _ found: Result<LayerCuts, UnresolvedBins>, of layer: SurveyedLayer
  ) -> UnresolvedBins? {
    switch found {
    case .success(let own):
      cuts.withLock { $0.set(own, position: layer.position, model: layer.model) }
      return nil
    case .failure(let unresolved): return unresolved
    }
  }

  var table: CutTable { cuts.withLock { $0 } }
}

/// The rates of linear layers, as the rule gives them.
///
/// They lie one after the other in one list, since there may be ten thousands of layers.
package struct LayerRates: Sendable {
  private let places: TaskPlaces
  private let modelCount: Int
  /// Layer by layer, for each model the rate of each partition, most severe first.
  private var rates: [Double] = []
  /// Where those of each layer and model begin, and where all end.
  private var starts = [0]

  /// The most partitions of a layer.
  private(set) var mostPartitions = 0

  /// Begins a list of rates.
  ///
  /// - Parameters:
  ///   - ordinals: The ordinals of the layers' tasks.
  ///   - modelCount: The number of models.
  init(of ordinals: [Int], modelCount: Int) {
    places = TaskPlaces(ordinals)
    self.modelCount = modelCount
    starts.reserveCapacity(ordinals.count * modelCount + 1)
  }

  /// Notes rates.
  ///
  /// - Parameters:
  ///   - ordinals: The ordinals of the layers' tasks.
  ///   - rates: Layer by layer in their order, for each model the rate of each partition, most severe first.
  ///   - modelCount: The number of models.
  package init(of ordinals: [Int], _ rates: [[Double]], modelCount: Int) {
    self.init(of: ordinals, modelCount: modelCount)
    for own in rates {
      for rate in own { append(rate) }
      endLayer()
    }
  }

  /// Notes the rate of the next partition.
  mutating func append(_ rate: Double) { rates.append(rate) }

  /// Notes that all rates of a layer of a model are known.
  mutating func endLayer() {
    mostPartitions = max(mostPartitions, rates.count - (starts.last ?? 0))
    starts.append(rates.count)
  }

  /// The rates of a layer of a model.
  package subscript(task: Int, model: Int) -> [Double] {
    guard let position = places[task] else {
      preconditionFailure("rates are known of every linear layer that is cut")
    }
    return own(position * modelCount + model)
  }

  /// The rates of a layer, model by model.
  package func models(ofLayerAt position: Int) -> [[Double]] {
    (position * modelCount..<(position + 1) * modelCount).map(own)
  }

  private func own(_ place: Int) -> [Double] { Array(rates[starts[place]..<starts[place + 1]]) }
}
