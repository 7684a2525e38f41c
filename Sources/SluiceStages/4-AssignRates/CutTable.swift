/// The cuts of all linear layers: what the barrier between the passes leaves to the mask.
package struct CutTable: CutSource {
  /// The number of partitions.
  package let partitionCount: Int
  private let layers: [Int: [LayerCuts]]

  /// Makes the table.
  ///
  /// - Parameters:
  ///   - partitionCount: The number of partitions.
  ///   - layers: For each linear layer by the ordinal of its task, each model's cuts.
  package init(partitionCount: Int, layers: [Int: [LayerCuts]]) {
    self.partitionCount = partitionCount
    self.layers = layers
  }

  /// The cuts of a layer.
  ///
  /// - Parameters:
  ///   - task: The ordinal of the layer's task.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The cuts, or nil if the tensor is no linear layer.
  package subscript(task: Int, model: Int) -> LayerCuts? { layers[task]?[model] }

  /// The cuts of a strip, most severe partition first.
  package func cuts(of strip: Strip, model: Int) -> [StripCut] {
    guard let layer = self[strip.task.ordinal, model] else {
      preconditionFailure("the survey found the cuts of every linear layer")
    }
    return layer.cuts(ofStrip: strip.index)
  }
}
