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
    method.selectingFlavor == .original
      ? .undivided("trims all tensors of a model at one magnitude") : .tensor
  }

  package var refinements: [RefinePass] { [refinement] }

  private var refinement: RefinePass {
    RefinePass("trim", of: roles, after: stages, binCount: 1)
  }

  package func unitBytes(_ sizes: PassSizes) -> Int { sizes.histogramUnitBytes(in: roles) }

  package func run(_ executor: any PassExecutor, _ findings: inout PassFindings) throws {
    let tasks = tasks(executor.plan)
    let survey = try executor.survey(
      self, of: tasks, after: findings.transforms(through: .amplify), in: .trimStatistics)
    findings.inputs.trims =
      method.selectingFlavor == .original
      ? try globalCuts(of: tasks, density: method.trimDensity, in: survey)
      : try densityCuts(of: tasks, density: method.trimDensity, in: survey)
  }

  /// One cut for all tensors of a model: the trim of the original TIES.
  ///
  /// Formula: with d deltas and k = d - floor(density * d), those stay whose magnitude reaches the
  /// k-th smallest, so floor(density * d) + 1 and whatever equals the last of them.
  private func globalCuts(
    of tasks: [TensorTask], density: Double, in survey: any HistogramSurvey
  ) throws -> GlobalCuts {
    guard !tasks.isEmpty else { return GlobalCuts([]) }
    let cuts = try survey.resolve(refinement, [tasks]) { _, whole, _ in
      let count = whole.elementCount
      let kept = min(count, Int((density * Double(count)).rounded(.down)) + 1)
      return TrimPass.unresolvedBins { () throws(MagnitudeHistogram.Unresolved) in
        try whole.cut(keeping: kept, tieBreak: .keep)
      }
    }
    return GlobalCuts(cuts.joined().map { $0 })
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
    return CutTable(partitionCount: 1, layers: CutTable.layers(of: tasks, layers))
  }

  private static func unresolvedBins<Answer>(
    _ answer: () throws(MagnitudeHistogram.Unresolved) -> Answer
  ) -> Result<Answer, UnresolvedBins> {
    Result(catching: answer).mapError { UnresolvedBins(request: BinRequest([$0.binBits])) }
  }
}
