internal import SluiceFormats
internal import SluiceStages

/// What each direction holds of the squares of deltas, in a file: of each block of each layer of each model as many
/// numbers as the layer can have directions.
final class EnergyStore: Sendable {
  private let numbers: BlockNumberStore
  private let size: SketchSize
  var byteCount: Int { numbers.byteCount }

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.size = size
    numbers = BlockNumberStore(file, tasks: tasks, modelCount: modelCount, count: size.width)
  }

  /// The bytes of a file for what models have of layers.
  static func byteCount(_ tasks: [TensorTask], size: SketchSize) -> Int {
    BlockPlaces.byteCount(tasks) { 8 * size.width($0) }
  }

  /// Where the numbers of a block lie.
  func range(_ block: SketchBlock) -> Range<Int> { numbers.range(block) }

  /// Keeps the numbers of a block.
  func put(_ energies: [Double], _ block: SketchBlock) throws { try numbers.put(energies, block) }

  /// What the first directions of a layer hold of a model's squares: of one, of two, and so on.
  func held(_ task: TensorTask, model: Int) throws -> [Double] {
    var sum = 0.0
    return try numbers.totals(of: task, model: model).map { number in
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
