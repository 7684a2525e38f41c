internal import SluiceRecipe
internal import SluiceCore
internal import SluiceKernels
internal import SluiceStages

/// Where TIES trims: from the histograms of what the pruning left of all tensors.
extension Survey {
  /// One cut for all tensors of a model: the trim of the original TIES.
  ///
  /// Formula: with d deltas and k = d - floor(density * d), those stay whose magnitude reaches the
  /// k-th smallest, so floor(density * d) + 1 and whatever equals the last of them.
  mutating func globalCuts(of tasks: [TensorTask], density: Double) throws -> GlobalCuts {
    guard !tasks.isEmpty else { return GlobalCuts([]) }
    let cuts = try resolve("refine trim", [tasks]) { _, whole, _ in
      let count = whole.elementCount
      let kept = min(count, Int((density * Double(count)).rounded(.down)) + 1)
      return Survey.unresolvedBins { () throws(MagnitudeHistogram.Unresolved) in
        try whole.cut(keeping: kept, tieBreak: .keep)
      }
    }
    return GlobalCuts(cuts.joined().map { $0 })
  }

  /// A cut for each tensor that keeps exactly its share, or all that is not zero.
  ///
  /// Formula: floor(density * n) deltas of n stay.
  mutating func densityCuts(of tasks: [TensorTask], density: Double) throws -> CutTable {
    let layers = try resolve("refine trim", tasks.map { [$0] }) { _, whole, strips in
      let count = whole.elementCount
      let kept = Int((density * Double(count)).rounded(.down))
      return Survey.unresolvedBins { () throws(MagnitudeHistogram.Unresolved) in
        LayerCuts(try whole.cut(keeping: kept, tieBreak: .spread), strips: strips)
      }
    }
    var table: [Int: [LayerCuts]] = [:]
    for (position, task) in tasks.enumerated() {
      table[task.ordinal] = layers.map { $0[position] }
    }
    return CutTable(partitionCount: 1, layers: table)
  }

  private static func unresolvedBins<Answer>(
    _ answer: () throws(MagnitudeHistogram.Unresolved) -> Answer
  ) -> Result<Answer, UnresolvedBins> {
    Result(catching: answer).mapError { UnresolvedBins(request: BinRequest([$0.binBits])) }
  }
}
