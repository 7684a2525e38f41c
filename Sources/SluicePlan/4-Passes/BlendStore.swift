internal import SluiceFormats
internal import SluiceSolvers
internal import SluiceStages

/// How many numbers a row has that models are blended by.
struct BlendSize: Sendable, Hashable {
  /// How many directions of each model are looked for.
  let sketch: SketchSize
  let modelCount: Int
  /// Whether the largest of each model's row are kept, so that each model has numbers of its own.
  let isSparse: Bool

  /// The most directions of all models.
  var directionCount: Int { modelCount * sketch.rank }
  /// The numbers of a row.
  var width: Int {
    isSparse ? modelCount * (directionCount + BlendCut.width) : directionCount
  }
}

/// The directions of all models side by side, and what they are multiplied by in each row of the merged deltas, or
/// of each model's.
final class BlendStore: BlendSource, Sendable {
  let size: BlendSize
  private let rows: RowStore
  private let sketches: SketchStore

  init(_ file: WorkFile, tasks: [TensorTask], _ size: BlendSize, sketches: SketchStore) {
    self.size = size
    self.sketches = sketches
    rows = RowStore(file, tasks: tasks, modelCount: 1, rowBytes: 8 * size.width)
  }

  /// The bytes of the file.
  static func byteCount(_ tasks: [TensorTask], _ size: BlendSize) -> Int {
    RowStore.byteCount(tasks, modelCount: 1, rowBytes: 8 * size.width)
  }

  /// What reading the directions of a layer takes: those of each model, and all side by side.
  static func directionBytes(_ tasks: [TensorTask], _ size: BlendSize) -> Int {
    (size.modelCount + 1) * SketchStore.directionBytes(tasks, size: size.sketch)
  }

  /// What a lane of the merge holds.
  static func laneBytes(_ sizes: PassSizes, _ size: BlendSize) -> Int {
    directionBytes(sizes.tasks, size) + sizes.mostRowsOfStrip * size.width * 8
      + size.modelCount * Granularity.tileElements * 4
  }

  func put(_ numbers: [Double], task: TensorTask, firstRow: Int) throws {
    try rows.put(numbers, task: task, model: 0, firstRow: firstRow)
  }

  func range(task: TensorTask, rows: Range<Int>) -> Range<Int> {
    self.rows.range(task: task, model: 0, rows: rows)
  }

  func blendDirections(of task: TensorTask) throws -> BlendDirections { try parts(of: task).0 }

  func blendWeights(of strip: Strip) throws -> RowNumbers {
    let touched = strip.rows
    guard !touched.isEmpty else { return .none }
    return RowNumbers(
      columnCount: strip.task.columnCount, firstRow: touched.lowerBound, width: size.width,
      values: try rows.values(ofRows: touched, task: strip.task, model: 0, zero: Double(0)))
  }

  /// The directions of a layer, and what is known of each model that changes it.
  func parts(of task: TensorTask) throws -> (BlendDirections, [OwnBlend.Part]) {
    let found = try task.fineTuned.indices.map {
      try sketches.directions(of: task, model: $0)
    }
    let present = found.filter { $0.energy > 0 }
    let total = present.reduce(0) { $0 + $1.width }
    var values: [Double] = []
    values.reserveCapacity(total * task.columnCount)
    for column in 0..<(present.isEmpty ? 0 : task.columnCount) {
      for own in present {
        values += own.values[column * own.width..<(column + 1) * own.width]
      }
    }
    return (
      BlendDirections(
        Directions(width: total, values: values), isPresent: found.map { $0.energy > 0 }),
      present.map { OwnBlend.Part(width: $0.width, core: $0.core, energy: $0.energy) }
    )
  }
}
