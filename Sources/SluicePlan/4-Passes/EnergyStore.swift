internal import SluiceFormats
internal import SluiceStages

/// What each direction holds of the squares of deltas, in a file: of each block of each layer of each model as many
/// numbers as the layer can have directions.
final class EnergyStore: Sendable {
  private let file: WorkFile
  private let size: SketchSize
  private let places: ModelPlaces
  var byteCount: Int { places.byteCount }

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.file = file
    self.size = size
    places = ModelPlaces(tasks, modelCount: modelCount) { task, model in
      task.fineTuned[model].map { _ in RowBlock.count(task) * 8 * size.width(task) }
    }
  }

  /// The bytes of a file for what models have of layers.
  static func byteCount(_ tasks: [TensorTask], size: SketchSize) -> Int {
    tasks.reduce(0) { sum, task in
      sum + task.fineTuned.count { $0 != nil } * RowBlock.count(task) * 8 * size.width(task)
    }
  }

  /// Where the numbers of a block lie.
  func range(_ block: SketchBlock) -> Range<Int> {
    let count = 8 * size.width(block.task)
    let start =
      (places.start(of: block.task, model: block.model) ?? 0) + block.rows.index * count
    return start..<start + count
  }

  /// Keeps the numbers of a block.
  func put(_ numbers: [Double], _ block: SketchBlock) throws {
    // SAFETY: the bytes are used inside the closure only.
    try unsafe numbers.withUnsafeBytes { try unsafe file.write($0, at: range(block).lowerBound) }
  }

  /// What the first directions of a layer hold of a model's squares: of one, of two, and so on.
  func held(_ task: TensorTask, model: Int) throws -> [Double] {
    let each = try RowBlock.totals(of: task) {
      try RowStore.values(
        in: range(SketchBlock(rows: $0, model: model)), of: file, zero: 0.0)
    }
    var sum = 0.0
    return each.map { number in
      sum += number
      return sum
    }
  }

  /// How many of a layer's directions hold the share that is asked for of the squares of each model that they are of: the
  /// fewest, or all.
  ///
  /// - Parameters:
  ///   - task: The layer.
  ///   - first: The model that the directions are of, or the first of all that share them.
  ///   - energies: The sum of squares of each of these models' deltas.
  /// - Returns: The number.
  /// - Throws: What keeps the file from being read.
  func count(_ task: TensorTask, first: Int, energies: [Double]) throws -> Int {
    guard let share = size.share else { return size.width(task) }
    var count = 1
    for (index, energy) in energies.enumerated() where energy > 0 {
      let held = try held(task, model: first + index)
      count = max(count, (held.firstIndex { $0 >= share * energy } ?? held.count - 1) + 1)
    }
    return count
  }
}
