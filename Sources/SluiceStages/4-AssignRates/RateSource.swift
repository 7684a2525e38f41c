public import SluiceCore

/// Knows which rates were asked for of a tensor.
public protocol RateSource: Sendable {
  /// The rates of the partitions of a tensor, most severe first.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: At least one rate.
  func partitionRates(of task: TensorTask, model: Int) -> [PruningRate]
}

/// The same rates for all tensors of all models.
public struct SameRates: RateSource {
  private let rates: [PruningRate]

  /// Wraps rates.
  ///
  /// - Parameter rates: The rates of the partitions, most severe first.
  public init(_ rates: [PruningRate]) { self.rates = rates }

  /// The rates.
  ///
  /// - Parameters:
  ///   - task: Any tensor.
  ///   - model: Any model.
  /// - Returns: The rates.
  public func partitionRates(of task: TensorTask, model: Int) -> [PruningRate] { rates }
}
