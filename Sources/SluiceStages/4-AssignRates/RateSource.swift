package import SluiceCore

/// Knows which rates were asked for of a tensor.
package protocol RateSource: Sendable {
  /// The rates of the partitions of a tensor, most severe first.
  func partitionRates(of task: TensorTask, model: Int) -> [PruningRate]
}

/// The same rates for all tensors of all models.
package struct SameRates: RateSource {
  private let rates: [PruningRate]

  /// Wraps rates.
  package init(_ rates: [PruningRate]) { self.rates = rates }

  /// The rates.
  package func partitionRates(of task: TensorTask, model: Int) -> [PruningRate] { rates }
}
