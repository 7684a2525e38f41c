internal import SluiceStages

/// Where in a file lies what is kept of each model's tensors: one behind the other, the models of a tensor side by side.
struct ModelPlaces: Sendable {
  private let starts: [Int: [Int?]]
  /// The bytes of all.
  let byteCount: Int

  /// Lays tensors out.
  ///
  /// - Parameters:
  ///   - tasks: The tensors.
  ///   - modelCount: The number of models.
  ///   - byteCount: The bytes of a model's tensor; nil of one that has no place.
  init(_ tasks: [TensorTask], modelCount: Int, byteCount: (TensorTask, Int) -> Int?) {
    var starts: [Int: [Int?]] = [:]
    var end = 0
    for task in tasks {
      starts[task.ordinal] = (0..<modelCount).map { model in
        guard let count = byteCount(task, model) else { return nil }
        defer { end += count }
        return end
      }
    }
    self.starts = starts
    self.byteCount = end
  }

  /// Where a model's tensor begins; nil if it has no place.
  func start(of task: TensorTask, model: Int) -> Int? { starts[task.ordinal]?[model] }
}
