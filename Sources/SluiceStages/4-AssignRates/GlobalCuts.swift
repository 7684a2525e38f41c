public import SluiceKernels

/// One cut for all tensors of a model, whatever their size: the trim of the original TIES.
public struct GlobalCuts: CutSource {
  private let cuts: [Cut]

  /// Makes the source.
  ///
  /// - Parameter cuts: The cut of each model. Elements at a threshold are all kept, so that it does
  ///   not matter how many there are in a tensor.
  public init(_ cuts: [Cut]) {
    precondition(cuts.allSatisfy { $0.tied == $0.keptOfTied })
    self.cuts = cuts
  }

  /// One.
  public var partitionCount: Int { 1 }

  /// The cut of a strip.
  ///
  /// - Parameters:
  ///   - strip: Any strip.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The model's cut.
  public func cuts(of strip: Strip, model: Int) -> [StripCut] {
    [StripCut(cut: cuts[model], tiesBefore: 0)]
  }
}
