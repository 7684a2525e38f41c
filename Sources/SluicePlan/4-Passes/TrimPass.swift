internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// Counts what the pruning left of all tensors, and finds where TIES trims it.
package struct TrimPass: CountingPass {
  package let roles: Set<TensorRole>
  private let method: MethodParameters
  package let stages: [String]

  init(_ inputs: PassInputs) {
    roles = inputs.recipe.electedRoles
    method = inputs.recipe.method
    stages = inputs.stageNames(through: .amplify)
  }

  package var name: String { "trim" }
  package var reason: String { "TIES keeps the largest of what the pruning left" }

  package var reach: PassReach {
    method.selectingFlavor == .original ? .model : .tensor
  }

  package var refinements: [RefinePass] { [refinement] }

  private var refinement: RefinePass {
    RefinePass("trim", of: roles, after: stages, binCount: 1)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int { sizes.histogramUnitBytes(in: roles) }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    if let trims = executor.known.trims {
      findings.inputs.trims = trims
      return
    }
    let tasks = tasks(executor.plan)
    let survey = try count(executor, findings)
    findings.inputs.trims =
      method.selectingFlavor == .original
      ? try globalCuts(of: tasks, density: method.trimDensity, in: survey)
      : try densityCuts(of: tasks, density: method.trimDensity, in: survey)
  }

  /// Counts what the pruning left of the tensors of a plan.
  ///
  /// - Parameters:
  ///   - executor: What executes the pass.
  ///   - findings: What is known.
  /// - Returns: The histograms.
  /// - Throws: What keeps tensors from being read.
  package func count(
    _ executor: any PassExecutor, _ findings: PassFindings
  ) throws -> any HistogramSurvey {
    try executor.survey(
      self, of: tasks(executor.plan), after: findings.transforms(through: .amplify),
      in: .trimStatistics, note: nil, foresee: nil)
  }

  /// One cut for all tensors of a model: the trim of the original TIES.
  ///
  /// Those stay whose magnitude reaches that of the last that is kept, and whatever equals it.
  private func globalCuts(
    of tasks: [TensorTask], density: Double, in survey: any HistogramSurvey
  ) throws -> GlobalCuts {
    guard !tasks.isEmpty else { return GlobalCuts([]) }
    let cuts = try survey.resolve(refinement, [tasks]) { _, whole, _ in
      let kept = TrimPass.keptCount(of: whole.elementCount, density: density)
      return TrimPass.unresolvedBins { () throws(MagnitudeHistogram.Unresolved) in
        try whole.cut(keeping: kept, tieBreak: .keep)
      }
    }
    return GlobalCuts(cuts.joined().map { $0 })
  }

  /// How many elements of a model the original TIES keeps at least.
  ///
  /// Formula: with d deltas and k = d - floor(density * d), those stay whose magnitude reaches the
  /// k-th smallest, so floor(density * d) + 1.
  private static func keptCount(of count: Int, density: Double) -> Int {
    min(count, Int((density * Double(count)).rounded(.down)) + 1)
  }

  /// A cut for each tensor that keeps exactly its share, or all that is not zero.
  ///
  /// Formula: floor(density * n) deltas of n stay.
  private func densityCuts(
    of tasks: [TensorTask], density: Double, in survey: any HistogramSurvey
  ) throws -> CutTable {
    let layers = try survey.resolve(refinement, tasks.map { [$0] }) { _, whole, strips in
      let count = whole.elementCount
      let kept = Int((density * Double(count)).rounded(.down))
      return TrimPass.unresolvedBins { () throws(MagnitudeHistogram.Unresolved) in
        LayerCuts(try whole.cut(keeping: kept, tieBreak: .spread), strips: strips)
      }
    }
    var table = CutTable(
      partitionCount: 1, of: tasks.map(\.ordinal), modelCount: layers.count, room: 1)
    for (model, layers) in layers.enumerated() {
      for (position, cuts) in layers.enumerated() {
        table.set(cuts, position: position, model: model)
      }
    }
    return table
  }

  private static func unresolvedBins<Answer>(
    _ answer: () throws(MagnitudeHistogram.Unresolved) -> Answer
  ) -> Result<Answer, UnresolvedBins> {
    Result(catching: answer).mapError { UnresolvedBins(request: BinRequest([$0.binBits])) }
  }
}

extension TrimPass {
  /// How many magnitudes of each model's tensors lie in each bin.
  ///
  /// - Parameters:
  ///   - survey: The histograms, as `count` gives them.
  ///   - plan: The plan of the tensors.
  /// - Returns: For each model, the bins.
  /// - Throws: What keeps histograms from being read.
  package func bins(in survey: any HistogramSurvey, _ plan: TensorPlan) throws -> [TrimBins] {
    try survey.resolve(refinement, [tasks(plan)]) { _, whole, _ in
      .success(TrimBins(whole))
    }.flatMap { $0 }
  }

  /// The bin that each model is cut in; nil where nothing is kept.
  ///
  /// - Parameter bins: For each model, the bins of all of its tensors.
  /// - Returns: For each model, the pattern that the bin begins with.
  package func borders(of bins: [TrimBins]) -> [UInt32?] {
    bins.map { $0.border(keeping: kept($0)) }
  }

  /// How many there are of each magnitude in the bins that models are cut in.
  ///
  /// - Parameters:
  ///   - borders: For each model, the pattern that the bin begins with.
  ///   - survey: The histograms, as `count` gives them.
  ///   - plan: The plan of the tensors.
  /// - Returns: For each model, the magnitudes in the bin, ascending.
  /// - Throws: What keeps tensors from being counted.
  package func magnitudes(
    in borders: [UInt32?], _ survey: any HistogramSurvey, _ plan: TensorPlan
  ) throws -> [TrimBins] {
    try survey.resolve(refinement, [tasks(plan)]) { layer, whole, _ in
      guard let border = borders[layer.model] else { return .success(TrimBins()) }
      let inside = whole.entries.filter { TrimBins.bin(of: $0.bits) == border }
      guard inside.allSatisfy({ $0.span == 1 }) else {
        return .failure(UnresolvedBins(request: BinRequest([border])))
      }
      return .success(TrimBins(magnitudes: inside))
    }.flatMap { $0 }
  }

  /// The cut of each model.
  ///
  /// - Parameters:
  ///   - bins: For each model, the bins of all of its tensors.
  ///   - magnitudes: For each model, the magnitudes in the bin that it is cut in.
  /// - Returns: The cuts; nil if the magnitudes are not as many as the bin has.
  package func cuts(_ bins: [TrimBins], _ magnitudes: [TrimBins]) -> GlobalCuts? {
    var cuts: [Cut] = []
    for (bins, magnitudes) in zip(bins, magnitudes) {
      guard let cut = bins.cut(keeping: kept(bins), magnitudes) else { return nil }
      cuts.append(cut)
    }
    return GlobalCuts(cuts)
  }

  private func kept(_ bins: TrimBins) -> Int {
    TrimPass.keptCount(of: bins.elementCount, density: method.trimDensity)
  }
}
