internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Pass 1: counts the deltas of all linear layers, from which each layer's rates and cuts follow.
///
/// What the rates can never keep is known as soon as a layer is counted; if the run spills, the rest is
/// packed while the layer is still in the page cache.
package struct SurveyPass: TensorPass {
  private let partitionCount: Int
  private let hasTransforms: Bool
  private let isKnown: Bool
  private let packs: Bool
  private let ownBlockMultiple: Bool

  init(_ inputs: PassInputs) {
    partitionCount = inputs.settings.partitionCount
    hasTransforms = !inputs.standIns.transforms(through: .delta).isEmpty
    isKnown = inputs.stored.stores.allSatisfy { $0 != nil }
    packs = inputs.spill.isOn
    ownBlockMultiple = inputs.recipe.rateRule(deltaCount: 0).blockMultiple != .none
  }

  package var name: String { "survey" }
  package var reason: String {
    "a layer's rates depend on the significance of all layers"
      + (isKnown ? "; the stores know it" : "")
      + (packs ? "; what they can keep is packed in a second look" : "")
  }
  package var roles: Set<TensorRole> { [.linear] }

  /// The looks into bins that may follow.
  var refinements: [RefinePass] {
    [refineSignificance] + (ownBlockMultiple ? [refineBlocks] : []) + [refineCuts]
  }

  private func refining(_ what: String) -> RefinePass {
    RefinePass(
      what, of: roles, through: .delta, hasTransforms: hasTransforms, binCount: partitionCount)
  }
  private var refineSignificance: RefinePass { refining("significance") }
  private var refineBlocks: RefinePass { refining("block significance") }
  private var refineCuts: RefinePass { refining("cuts") }

  package func graph(_ plan: MergePlan) -> PassGraph {
    let early = plan.standIns.transforms(through: .delta).transforms.map(\.name)
    var graph = PassGraph.lanes(plan, early + ["significance"])
    guard packs else { return graph }
    let lane = graph.nodes.count - 1
    graph.nodes[lane].stages.append("pack")
    graph.nodes[lane].edge = PassGraph.Edge(
      name: "frames", .queued(byteBound: plan.memory.frameBuffersByteCount))
    graph.nodes.append(PassGraph.Node(.frameWriter, count: 1, stages: ["spill"]))
    return graph
  }

  package func bytesRead(_ plan: MergePlan) -> Int {
    isKnown ? 0 : plan.readByteCount(tasks(plan), knowsSpill: false)
  }

  package func bytesSpilled(_ plan: MergePlan) -> Int {
    plan.histogramByteCount(tasks(plan), thenThose: refinements)
      + (packs ? plan.spill.expectedByteCount : 0)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    SurveySink.byteCount(
      modelCount: sizes.modelCount,
      modes: HistogramMode.all(of: sizes.tasks(in: roles), hasTransforms: hasTransforms))
      + (sizes.writesFrames ? SpillSink.byteCount(modelCount: sizes.modelCount) : 0)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let linear = plan.linearTasks
    let survey = try executor.survey(
      self, of: linear, after: findings.transforms(through: .delta), in: nil)
    findings.statistics = try significance(of: linear, in: survey, plan)
    findings.cuts = try cuts(of: linear, findings.statistics, in: survey, plan)
    findings.inputs.cuts = findings.cuts
    try plan.stored.check(findings.cuts, of: linear, plan)
    executor.readFrames(serving: findings.cuts, in: self)
  }
}

extension SurveyPass {
  /// The mean and the significance of every linear layer, and of its block if the rule asks for it.
  func significance(
    of linear: [TensorTask], in survey: any HistogramSurvey, _ plan: MergePlan
  ) throws -> LayerStatistics {
    let method = plan.recipe.method
    let rule = plan.rateRule
    let measure = method.significance ?? rule.measure
    func statistics(
      _ refining: RefinePass, _ groups: [[TensorTask]], multiple: Double
    ) throws -> [[LinearStatistics]] {
      let statistic =
        plan.recipe.stages.significance?.stage
        ?? SignificantShare(multiple: multiple, measure: measure)
      return try survey.resolve(refining, groups) { layer, whole, _ in
        let survey = LayerSurvey(whole, name: layer.tasks[0].name, significance: statistic)
        return switch survey {
        case .known(let statistics): .success(statistics)
        case .needs(let bin): .failure(UnresolvedBins(request: BinRequest([bin])))
        }
      }
    }
    var layers = try statistics(
      refineSignificance, linear.map { [$0] }, multiple: method.significanceMultiple)
    let blockMultiple: Double
    switch rule.blockMultiple {
    case .none: return LayerStatistics(tasks: linear, layers: layers)
    case .sameAsLayers: blockMultiple = method.significanceMultiple
    case .fixed(let multiple): blockMultiple = multiple
    }
    let groups = Dictionary(grouping: linear) { BlockName.block(of: $0.name) }
    let names = Array(groups.keys)
    let blocks = try statistics(
      refineBlocks, names.map { groups[$0] ?? [] }, multiple: blockMultiple)
    for (model, own) in blocks.enumerated() {
      let shares = Dictionary(uniqueKeysWithValues: zip(names, own.map(\.significance)))
      for position in linear.indices {
        layers[model][position].blockSignificance = shares[layers[model][position].block] ?? 0
      }
    }
    return LayerStatistics(tasks: linear, layers: layers)
  }

  /// Where each partition's rate cuts each linear layer.
  private func cuts(
    of linear: [TensorTask], _ statistics: LayerStatistics, in survey: any HistogramSurvey,
    _ plan: MergePlan
  ) throws -> CutTable {
    let method = plan.recipe.method
    let settings = plan.settings
    let shifts = statistics.rateShifts(plan.rateRule)
    let starts = starts(of: linear, shifts, plan)
    let layers = try survey.resolve(refineCuts, linear.map { [$0] }) { layer, whole, strips in
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
    return CutTable(
      partitionCount: settings.partitionCount, layers: CutTable.layers(of: linear, layers))
  }

  /// For each model, where the rates start instead of at those asked for, if they are rebalanced.
  private func starts(
    of linear: [TensorTask], _ shifts: [[Double]], _ plan: MergePlan
  ) -> [[PruningRate: Double]] {
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
}

extension NodeKind {
  /// Writes frames to the spill.
  static let frameWriter = NodeKind("write frames", bytes: .spill)
}

extension CutTable {
  /// What a table is made of: each model's cuts of each tensor.
  static func layers(of tasks: [TensorTask], _ cuts: [[LayerCuts]]) -> [Int: [LayerCuts]] {
    var layers: [Int: [LayerCuts]] = [:]
    for (position, task) in tasks.enumerated() { layers[task.ordinal] = cuts.map { $0[position] } }
    return layers
  }
}
