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
        let found = try? LayerNumbers(histogram, significance: statistic)
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
    let missing = tasks.indices.filter { !notes.isComplete(tensor: $0) }
    let asked = try ask(missing.map { tasks[$0] })
    return asked.enumerated().map { model, asked in
      var found = asked.makeIterator()
      return tasks.indices.compactMap { place in
        notes.isComplete(tensor: place)
          ? notes.statistics(of: tasks[place], model: model, tensor: place) : found.next()
      }
    }
  }
}

/// What is noted of each model's tensors.
@safe private final class Notes: @unchecked Sendable {
  // Safe to share: each place is written to by the lane that has the tensor, and read when the lanes have ended. With a
  // lock, lanes would wait for each other at every tensor.

  private let modelCount: Int
  private let tensorCount: Int
  /// Tensor by tensor, one for each model.
  private let places: UnsafeMutablePointer<LayerNumbers?>

  init(modelCount: Int, tensorCount: Int) {
    self.modelCount = modelCount
    self.tensorCount = tensorCount
    unsafe places = .allocate(capacity: modelCount * tensorCount)
    unsafe places.initialize(repeating: nil, count: modelCount * tensorCount)
  }

  deinit { unsafe places.deallocate() }

  func set(_ found: LayerNumbers, model: Int, tensor: Int) {
    // SAFETY: there is a place for each model and tensor.
    unsafe places[place(model, tensor)] = found
  }

  /// Whether a tensor is known of all models.
  func isComplete(tensor: Int) -> Bool {
    // SAFETY: as above.
    (0..<modelCount).allSatisfy { unsafe places[place($0, tensor)] != nil }
  }

  /// What is known of a tensor of a model.
  func statistics(of task: TensorTask, model: Int, tensor: Int) -> LinearStatistics? {
    // SAFETY: as above.
    unsafe places[place(model, tensor)].map { LinearStatistics(name: task.name, $0) }
  }

  private func place(_ model: Int, _ tensor: Int) -> Int {
    precondition((0..<modelCount).contains(model) && (0..<tensorCount).contains(tensor))
    return tensor * modelCount + model
  }
}
