package import SluiceKernels

/// One cut for all tensors of a model, whatever their size: the trim of the original TIES.
package struct GlobalCuts: CutSource {
  /// The cut of each model.
  package let cuts: [Cut]

  /// Makes the source.
  ///
  /// - Parameter cuts: The cut of each model. Elements at a threshold are all kept, so that it does
  ///   not matter how many there are in a tensor.
  package init(_ cuts: [Cut]) {
    precondition(cuts.allSatisfy { $0.tied == $0.keptOfTied })
    self.cuts = cuts
  }

  /// One.
  package var partitionCount: Int { 1 }

  /// The cut of a strip.
  package func cuts(of strip: Strip, model: Int) -> [StripCut] {
    [StripCut(cut: cuts[model], tiesBefore: 0)]
  }
}
