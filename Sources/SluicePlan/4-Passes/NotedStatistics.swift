package import SluiceStages
internal import Synchronization

/// The statistics of layers whose histograms are looked at when they are made: they need not be read again.
///
/// Only of a tensor of one strip is the histogram of the strip that of the tensor; and one whose bins must be
/// looked into is left to be asked.
package final class NotedStatistics: Sendable {
  private let statistic: any TensorStatistic
  private let tasks: [TensorTask]
  private let places: TaskPlaces
  /// For each model, what is known of each tensor, and whether something is.
  private let models: Mutex<[(layers: [LinearStatistics], isKnown: [Bool])]>

  /// Knows nothing yet.
  ///
  /// - Parameters:
  ///   - statistic: What is asked of each histogram.
  ///   - tasks: The tensors.
  ///   - modelCount: The number of models.
  init(_ statistic: any TensorStatistic, of tasks: [TensorTask], modelCount: Int) {
    self.statistic = statistic
    self.tasks = tasks
    places = TaskPlaces(tasks.map(\.ordinal))
    // There is room for all at once: lanes would wait while it grows.
    let unknown = LinearStatistics(
      name: "", elementCount: 0, zeroCount: 0, mean: 0, significance: 0, block: "")
    models = Mutex(
      (0..<modelCount).map { _ in
        (
          Array(repeating: unknown, count: tasks.count),
          Array(repeating: false, count: tasks.count)
        )
      })
  }

  /// Looks at a histogram.
  package var note: HistogramNote {
    { [self] strip, model, histogram in
      guard strip.elements.count == strip.task.elementCount,
        let place = places[strip.task.ordinal],
        case .known(let found) = LayerSurvey(
          histogram, name: strip.task.name, significance: statistic)
      else { return }
      models.withLock { models in
        models[model].layers[place] = found
        models[model].isKnown[place] = true
      }
    }
  }

  /// For each model, what is known of the tensors.
  ///
  /// - Parameter ask: Finds, for each model, what is not known of some of them.
  /// - Returns: For each model, one entry for each tensor.
  /// - Throws: What asking throws.
  func layers(
    asking ask: ([TensorTask]) throws -> [[LinearStatistics]]
  ) rethrows -> [[LinearStatistics]] {
    let models = models.withLock { $0 }
    let missing = tasks.indices.filter { place in models.contains { !$0.isKnown[place] } }
    let asked = try ask(missing.map { tasks[$0] })
    return zip(models, asked).map { known, asked in
      var layers = known.layers
      for (place, found) in zip(missing, asked) { layers[place] = found }
      return layers
    }
  }
}
