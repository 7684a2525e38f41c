internal import SluiceFormats
internal import SluiceStages

/// Sums of rows with signs, in a file: of each block of each layer of each model, and the sum of squares behind
/// them.
final class SketchStore: Sendable {
  private let file: WorkFile
  let size: SketchSize
  private let places: BlockPlaces
  var byteCount: Int { places.byteCount }

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.file = file
    self.size = size
    places = BlockPlaces(tasks, modelCount: modelCount, blockBytes: size.blockBytes)
  }

  /// Where the sums of a block lie.
  func range(_ block: SketchBlock) -> Range<Int> { places.range(block) }

  /// Keeps the sums of a block.
  func put(_ sums: UnsafePointer<Float>, energy: Double, _ block: SketchBlock) throws {
    let range = range(block)
    let end = range.upperBound - 8
    // SAFETY: the caller guarantees that there are as many sums.
    try unsafe file.write(
      UnsafeRawBufferPointer(start: sums, count: end - range.lowerBound), at: range.lowerBound)
    try unsafe withUnsafeBytes(of: energy) { try unsafe file.write($0, at: end) }
  }

  /// The sums of a layer of a model over all blocks, and the sum of squares of its deltas.
  func sums(of task: TensorTask, model: Int) throws -> (sums: [Float], energy: Double) {
    var energy = 0.0
    let sums = try RowBlock.totals(of: task) { block in
      let range = range(SketchBlock(rows: block, model: model))
      let end = range.upperBound - 8
      energy += try RowStore.values(in: end..<range.upperBound, of: file, zero: 0.0)[0]
      return try RowStore.values(in: range.lowerBound..<end, of: file, zero: Float(0))
    }
    return (sums, energy)
  }

  /// What reading the sums of a layer takes: the sums, and what is added to them.
  static func readingBytes(_ tasks: [TensorTask], _ size: SketchSize) -> Int {
    2 * (tasks.map(size.blockBytes).max() ?? 0)
  }
}
