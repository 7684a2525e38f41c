internal import SluiceFormats
internal import SluiceStages

/// Some numbers of each block of each layer of each model, in a file, that are added up over the blocks of a layer.
final class BlockNumberStore: Sendable {
  private let file: WorkFile
  private let places: BlockPlaces
  var byteCount: Int { places.byteCount }

  /// Describes a file.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - tasks: The layers.
  ///   - modelCount: The number of models.
  ///   - count: The numbers of a block of a layer.
  init(
    _ file: WorkFile, tasks: [TensorTask], modelCount: Int,
    count: @escaping @Sendable (TensorTask) -> Int
  ) {
    self.file = file
    places = BlockPlaces(tasks, modelCount: modelCount) { 8 * count($0) }
  }

  /// Where the numbers of a block lie.
  func range(_ block: SketchBlock) -> Range<Int> { places.range(block) }

  /// Keeps the numbers of a block.
  func put(_ numbers: [Double], _ block: SketchBlock) throws {
    try RowStore.put(numbers, in: file, at: range(block).lowerBound)
  }

  /// The sums over all blocks of a layer of a model.
  func totals(of task: TensorTask, model: Int) throws -> [Double] {
    try RowBlock.totals(of: task) {
      try RowStore.values(in: range(SketchBlock(rows: $0, model: model)), of: file, zero: 0.0)
    }
  }
}
