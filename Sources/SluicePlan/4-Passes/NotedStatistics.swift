package import SluiceStages

/// The statistics of layers whose histograms are looked at when they are made: they need not be read again.
///
/// Only of a tensor of one strip is the histogram of the strip that of the tensor; and one whose bins must be
/// looked into is left to be asked.
package final class NotedStatistics: Sendable {
  private let statistic: any TensorStatistic
  private let tasks: [TensorTask]
  private let places: TaskPlaces
  private let notes: Notes

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
    notes = Notes(modelCount: modelCount, tensorCount: tasks.count)
  }

  /// Looks at a histogram.
  package var note: HistogramNote {
    { [self] strip, model, histogram in
      guard strip.elements.count == strip.task.elementCount,
        let place = places[strip.task.ordinal],
        case .known(let found) = LayerSurvey(
          histogram, name: strip.task.name, significance: statistic)
      else { return }
      notes.set(found, model: model, tensor: place)
    }
  }

  /// For each model, what is known of the tensors, once the lanes that noted it have ended.
  ///
  /// - Parameter ask: Finds, for each model, what is not known of some of them.
  /// - Returns: For each model, one entry for each tensor.
  /// - Throws: What asking throws.
  func layers(
    asking ask: ([TensorTask]) throws -> [[LinearStatistics]]
  ) rethrows -> [[LinearStatistics]] {
    let known = notes.all
    let missing = tasks.indices.filter { place in known.contains { $0[place] == nil } }
    let asked = try ask(missing.map { tasks[$0] })
    return zip(known, asked).map { known, asked in
      var known = known
      for (place, found) in zip(missing, asked) { known[place] = found }
      return known.compactMap(\.self)
    }
  }
}

/// What is noted of each model's tensors.
@safe private final class Notes: @unchecked Sendable {
  // Safe to share: each place is written to by the lane that has the tensor, and read when the lanes have ended. With a
  // lock, lanes would wait for each other at every tensor.

  private let modelCount: Int
  private let tensorCount: Int
  private let places: UnsafeMutablePointer<LinearStatistics?>

  init(modelCount: Int, tensorCount: Int) {
    self.modelCount = modelCount
    self.tensorCount = tensorCount
    unsafe places = .allocate(capacity: modelCount * tensorCount)
    unsafe places.initialize(repeating: nil, count: modelCount * tensorCount)
  }

  deinit {
    unsafe places.deinitialize(count: modelCount * tensorCount)
    unsafe places.deallocate()
  }

  func set(_ found: LinearStatistics, model: Int, tensor: Int) {
    precondition((0..<modelCount).contains(model) && (0..<tensorCount).contains(tensor))
    // SAFETY: there is a place for each model and tensor.
    unsafe places[model * tensorCount + tensor] = found
  }

  /// For each model, one entry for each tensor.
  var all: [[LinearStatistics?]] {
    (0..<modelCount).map { model in
      // SAFETY: as above.
      unsafe Array(
        UnsafeBufferPointer(start: places + model * tensorCount, count: tensorCount))
    }
  }
}
