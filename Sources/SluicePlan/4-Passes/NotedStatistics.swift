internal import SluiceDataflow
package import SluiceStages

/// The statistics of layers whose histograms are looked at when they are made: they need not be read again.
///
/// Only of a tensor of one strip is the histogram of the strip that of the tensor; and one whose bins must be
/// looked into is left to be asked.
package final class NotedStatistics: Sendable {
  private let statistic: any TensorStatistic
  private let modelCount: Int
  /// For each tensor by its ordinal, what is known of each model.
  private let layers: Monitor<[Int: [LinearStatistics?]]>

  /// Knows nothing yet.
  ///
  /// - Parameters:
  ///   - statistic: What is asked of each histogram.
  ///   - modelCount: The number of models.
  ///   - taskCount: About the number of tensors, for which room is made at once: lanes would wait while it grows.
  init(_ statistic: any TensorStatistic, modelCount: Int, taskCount: Int = 0) {
    self.statistic = statistic
    self.modelCount = modelCount
    layers = Monitor(Dictionary(minimumCapacity: taskCount))
  }

  /// Looks at a histogram.
  package var note: HistogramNote {
    { [self] strip, model, histogram in
      guard strip.elements.count == strip.task.elementCount,
        case .known(let found) = LayerSurvey(
          histogram, name: strip.task.name, significance: statistic)
      else { return }
      layers.withLock { layers in
        layers[strip.task.ordinal, default: Array(repeating: nil, count: modelCount)][model] = found
      }
    }
  }

  /// What is known of layers: for each what is known of each model, nil unless it is known of all.
  func known(of tasks: [TensorTask]) -> [[LinearStatistics]?] {
    let layers = layers.withLock { $0 }
    return tasks.map { task in
      guard let found = layers[task.ordinal] else { return nil }
      let known = found.compactMap(\.self)
      return known.count == modelCount ? known : nil
    }
  }

  /// For each model, what is known of layers.
  ///
  /// - Parameters:
  ///   - known: What `known(of:)` says of the layers.
  ///   - asked: For each model, what was found of those that are not known, in their order.
  /// - Returns: For each model, one entry for each layer.
  static func layers(
    _ known: [[LinearStatistics]?], _ asked: [[LinearStatistics]]
  ) -> [[LinearStatistics]] {
    asked.enumerated().map { model, asked in
      var asked = asked.makeIterator()
      return known.compactMap { $0?[model] ?? asked.next() }
    }
  }
}
