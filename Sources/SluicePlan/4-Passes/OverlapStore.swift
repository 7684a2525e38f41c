internal import SluiceFormats
internal import SluiceStages

/// What directions hold of deltas, in a file: of each block of each layer of each model for all models' directions what
/// each holds, then the products of the model's own ones with each other.
final class OverlapStore: Sendable {
  private let file: WorkFile
  private let size: SketchSize
  private let places: ModelPlaces

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.file = file
    self.size = size
    places = ModelPlaces(tasks, modelCount: modelCount) { task, model in
      task.fineTuned[model].map { _ in
        RowBlock.count(task) * 8 * OverlapStore.count(task, size)
      }
    }
  }

  /// The numbers of a block of a model.
  static func count(_ task: TensorTask, _ size: SketchSize) -> Int {
    let width = size.width(task)
    return (size.modelCount + width) * width
  }

  /// The most numbers of a block.
  static func most(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    tasks.map { count($0, size) }.max() ?? 0
  }

  /// The bytes of a file for what models have of layers.
  static func byteCount(_ tasks: [TensorTask], size: SketchSize) -> Int {
    tasks.reduce(0) { sum, task in
      sum + task.fineTuned.count { $0 != nil } * RowBlock.count(task) * 8 * count(task, size)
    }
  }

  private func range(_ block: SketchBlock) -> Range<Int> {
    let bytes = 8 * OverlapStore.count(block.task, size)
    let start =
      (places.start(of: block.task, model: block.model) ?? 0) + block.rows.index * bytes
    return start..<start + bytes
  }

  /// Keeps the numbers of a block.
  func put(_ numbers: [Double], _ block: SketchBlock) throws {
    // SAFETY: the bytes are used inside the closure only.
    try unsafe numbers.withUnsafeBytes { try unsafe file.write($0, at: range(block).lowerBound) }
  }

  /// The numbers of a layer of a model over all blocks.
  ///
  /// - Parameters:
  ///   - task: The layer.
  ///   - model: The model.
  /// - Returns: For each model's directions what each holds of this model's squares, and the sum of the squares of the
  ///   eigenvalues that the model's Gram matrix has along its own.
  /// - Throws: What keeps the file from being read.
  func numbers(
    of task: TensorTask, model: Int
  ) throws -> (held: [[Double]], squares: Double) {
    let width = size.width(task)
    let numbers = try RowBlock.totals(of: task) {
      try RowStore.values(
        in: range(SketchBlock(rows: $0, model: model)), of: file, zero: 0.0)
    }
    guard !numbers.isEmpty else { return ([], 0) }
    let held = (0..<size.modelCount).map { Array(numbers[$0 * width..<($0 + 1) * width]) }
    // A square is as wide as there are directions, and its lower half is filled in.
    let square = numbers[(size.modelCount * width)...].map(\.self)
    var sum = 0.0
    for row in 0..<width {
      for column in 0...row {
        let value = square[row * width + column]
        sum += (row == column ? 1 : 2) * (value * value)
      }
    }
    return (held, sum)
  }
}
