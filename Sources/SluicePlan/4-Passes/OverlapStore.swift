internal import SluiceFormats
internal import SluiceStages

/// What directions hold of deltas, in a file: of each block of each layer of each model for all models' directions what
/// each holds, then the products of the model's own ones with each other.
final class OverlapStore: Sendable {
  private let numbers: BlockNumberStore
  private let size: SketchSize

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.size = size
    numbers = BlockNumberStore(file, tasks: tasks, modelCount: modelCount) {
      OverlapStore.count($0, size)
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
    BlockPlaces.byteCount(tasks) { 8 * count($0, size) }
  }

  /// Keeps the numbers of a block.
  func put(_ found: [Double], _ block: SketchBlock) throws { try numbers.put(found, block) }

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
    let numbers = try self.numbers.totals(of: task, model: model)
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
