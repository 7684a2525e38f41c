internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Pass 1: counts the deltas of all linear layers, from which each layer's rates and cuts follow.
///
/// If the run spills, what the rates can keep is foreseen and packed behind the counting.
package struct SurveyPass: CountingPass {
  /// What becomes of what is counted: nothing where layers are only looked at.
  private let cutting: LayerCutting?
  private let question: SignificanceQuestion
  package let stages: [String]
  /// The most bins that one answer asks for.
  private let binCount: Int
  private let isKnown: Bool
  private let packs: Bool
  /// The file with the histograms, if it is not the one that all merges share.
  private let kind: UnitKind?
  package let name: String

  /// The survey of a merge.
  init(_ inputs: PassInputs) {
    cutting = LayerCutting(inputs)
    question = inputs.recipe.significanceQuestion
    stages = inputs.stageNames(through: .delta)
    binCount = inputs.settings.partitionCount
    isKnown = inputs.stored.stores.allSatisfy { $0 != nil }
    packs = inputs.spill.isOn
    (name, kind) = ("survey", nil)
  }

  /// A survey that layers are only looked at with.
  ///
  /// - Parameters:
  ///   - question: What is asked about each layer.
  ///   - stages: The names of the stages before the counting.
  ///   - binCount: The most bins that one answer asks for.
  ///   - packs: Whether what is counted is packed, too.
  ///   - name: The name of the pass.
  ///   - kind: The kind of its units, if its histograms lie in a file of their own.
  package init(
    asking question: SignificanceQuestion, after stages: [String] = [], binCount: Int = 1,
    packs: Bool = false, named name: String = "survey", in kind: UnitKind? = nil
  ) {
    cutting = nil
    self.question = question
    self.stages = stages
    self.binCount = binCount
    isKnown = false
    self.packs = packs
    (self.name, self.kind) = (name, kind)
  }

  package var reason: String {
    (cutting == nil
      ? "layers are looked at" : "a layer's rates depend on the significance of all layers")
      + (isKnown ? "; the stores know it" : "")
      + (packs ? "; what they can keep is packed" : "")
  }
  package var roles: Set<TensorRole> { [.linear] }

  package var reach: PassReach {
    guard question.blockMultiple == .none else { return .blocks }
    return cutting?.looksAcross == false ? .tensor : .layers
  }

  package var refinements: [RefinePass] {
    [refineSignificance] + (question.blockMultiple == .none ? [] : [refineBlocks])
      + (cutting == nil ? [] : [refineCuts])
  }

  private func refining(_ what: String) -> RefinePass {
    RefinePass(
      what, of: roles, after: stages, binCount: binCount)
  }
  private var refineSignificance: RefinePass { refining("significance") }
  private var refineBlocks: RefinePass { refining("block significance") }
  private var refineCuts: RefinePass { refining("cuts") }

  package func graph(_ plan: TensorPlan) -> PassGraph {
    var graph = PassGraph.lanes(plan, stages + ["significance"])
    guard packs else { return graph }
    let lane = graph.nodes.count - 1
    graph.nodes[lane].stages.append("pack")
    graph.nodes[lane].edge = PassGraph.Edge(
      name: "frames", .queued(byteBound: plan.memory.frameBuffersByteCount))
    graph.nodes.append(PassGraph.Node(.frameWriter, count: 1, stages: ["spill"]))
    return graph
  }

  package func bytesRead(_ plan: TensorPlan) -> Int {
    isKnown ? 0 : plan.readByteCount(tasks(plan), knowsSpill: false)
  }

  package func bytesSpilled(_ plan: TensorPlan) -> Int {
    histogramBytes(plan)
      + (packs ? Int(Double(plan.spill.expectedByteCount) * plan.spilledShare) : 0)
  }

  package func workerBytes(_ sizes: PassSizes) -> Int {
    countingBytes(sizes)
      + (sizes.writesFrames ? SpillSink.byteCount(modelCount: sizes.modelCount) : 0)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int {
    kind == nil ? 0 : sizes.histogramUnitBytes(in: roles)
  }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let plan = executor.plan
    let linear = plan.linearTasks
    let survey = try look(executor, &findings)
    guard let cutting else { return }
    let rates = executor.known.rates ?? cutting.rates(of: findings.statistics)
    findings.cuts = try cutting.cuts(of: linear, rates, in: survey, refineCuts)
    findings.inputs.cuts = findings.cuts
    try plan.stored.check(findings.cuts, of: linear, plan)
    executor.readFrames(serving: findings.cuts, in: self)
  }
}

extension SurveyPass {
  /// Counts the linear layers of a plan, and finds what rates follow from.
  ///
  /// - Parameters:
  ///   - executor: What executes the pass.
  ///   - findings: What is known; the statistics of the layers are added.
  /// - Returns: The histograms.
  /// - Throws: What keeps the layers from being counted.
  @discardableResult
  package func look(
    _ executor: any PassExecutor, _ findings: inout PassFindings
  ) throws -> any HistogramSurvey {
    let linear = executor.plan.linearTasks
    let noted = NotedStatistics(
      question.statistic(multiple: question.multiple), of: linear,
      modelCount: executor.plan.modelCount)
    let survey = try executor.survey(
      self, of: linear, after: findings.transforms(through: .delta), in: nil, note: noted.note,
      foresee: {
        guard executor.plan.spill.staysInRun, let cutting else { return nil }
        return try RateForecast(
          of: linear, executor.plan, cutting, question, kernels: executor.kernels)
      })
    findings.statistics = try significance(of: linear, in: survey, noted: noted)
    return survey
  }

  /// The rates that follow from the statistics of all linear layers; none where layers are only looked at.
  package func rates(of statistics: LayerStatistics) -> LayerRates {
    cutting?.rates(of: statistics) ?? LayerRates(of: [], [], modelCount: 0)
  }

  /// The mean and the significance of every linear layer, and of its block if the rule asks for it.
  ///
  /// - Parameters:
  ///   - linear: The layers.
  ///   - survey: Their histograms.
  ///   - noted: What is known of some of them, which are then not looked up.
  /// - Returns: What is known of all.
  /// - Throws: What keeps layers from being looked at.
  package func significance(
    of linear: [TensorTask], in survey: any HistogramSurvey, noted: NotedStatistics? = nil
  ) throws -> LayerStatistics {
    func statistics(
      _ refining: RefinePass, _ groups: [[TensorTask]], multiple: Double
    ) throws -> [[LinearStatistics]] {
      let statistic = question.statistic(multiple: multiple)
      return try survey.resolve(refining, groups) { layer, whole, _ in
        let survey = LayerSurvey(whole, name: layer.first.name, significance: statistic)
        return switch survey {
        case .known(let statistics): .success(statistics)
        case .needs(let bin): .failure(UnresolvedBins(request: BinRequest([bin])))
        }
      }
    }
    func ask(_ layers: [TensorTask]) throws -> [[LinearStatistics]] {
      try statistics(refineSignificance, layers.map { [$0] }, multiple: question.multiple)
    }
    var layers = try noted?.layers(asking: ask) ?? ask(linear)
    let blockMultiple: Double
    switch question.blockMultiple {
    case .none: return LayerStatistics(tasks: linear, layers: layers)
    case .sameAsLayers: blockMultiple = question.multiple
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
}

extension NodeKind {
  /// Writes frames to the spill.
  package static let frameWriter = NodeKind("write frames", bytes: .spill)
}
