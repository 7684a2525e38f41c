/// The cuts of all linear layers: what the barrier between the passes leaves to the mask.
public struct CutTable: CutSource {
  /// The number of partitions.
  public let partitionCount: Int
  private let layers: [Int: [LayerCuts]]

  /// Makes the table.
  ///
  /// - Parameters:
  ///   - partitionCount: The number of partitions.
  ///   - layers: For each linear layer by the ordinal of its task, each model's cuts.
  public init(partitionCount: Int, layers: [Int: [LayerCuts]]) {
    self.partitionCount = partitionCount
    self.layers = layers
  }

  /// The cuts of a layer.
  ///
  /// - Parameters:
  ///   - task: The ordinal of the layer's task.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The cuts, or nil if the tensor is no linear layer.
  public subscript(task: Int, model: Int) -> LayerCuts? { layers[task]?[model] }

  /// The cuts of a strip, most severe partition first.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: One cut for each partition.
  public func cuts(of strip: Strip, model: Int) -> [StripCut] {
    guard let layer = self[strip.task.ordinal, model] else {
      preconditionFailure("the survey found the cuts of every linear layer")
    }
    return layer.cuts(ofStrip: strip.index)
  }
}
