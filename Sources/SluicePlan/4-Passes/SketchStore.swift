internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// How many directions are looked for.
struct SketchSize: Sendable, Hashable {
  /// The number that is asked for.
  let rank: Int

  /// The number of a layer, which has no more than inputs or outputs.
  func rank(of task: TensorTask) -> Int { min(rank, task.columnCount, task.baseRowCount) }

  /// The numbers of a thin matrix of a layer.
  func count(_ task: TensorTask) -> Int { task.columnCount * rank(of: task) }

  /// The numbers that are kept of a block: a thin matrix, a square, and a sum of squares.
  func blockCount(_ task: TensorTask) -> Int {
    count(task) + rank(of: task) * rank(of: task) + 1
  }

  /// The most numbers of a thin matrix of linear layers.
  func mostNumbers(_ tasks: [TensorTask]) -> Int {
    tasks.filter { $0.role == .linear }.map(count).max() ?? 0
  }

  /// No fewer than are kept of any block.
  func mostBlockNumbers(_ tasks: [TensorTask]) -> Int { mostNumbers(tasks) + rank * rank + 1 }
}

/// Rows of a layer of one model that are added up by themselves: so many that a sum over them is worth
/// keeping, always the same ones, whatever strips, memory and threads are.
struct SketchBlock: Sendable {
  /// About how many elements a block has.
  static let elementCount = 1 << 24

  let task: TensorTask
  let model: Int
  let index: Int

  /// The rows of a block.
  static func step(_ task: TensorTask) -> Int { max(1, elementCount / max(task.columnCount, 1)) }

  /// How many blocks a layer has.
  static func count(_ task: TensorTask) -> Int {
    (task.baseRowCount + step(task) - 1) / step(task)
  }

  /// The blocks of what models have of layers.
  static func all(of tasks: [TensorTask], modelCount: Int) -> [SketchBlock] {
    tasks.flatMap { task in
      (0..<modelCount).filter { task.fineTuned[$0] != nil }.flatMap { model in
        (0..<count(task)).map { SketchBlock(task: task, model: model, index: $0) }
      }
    }
  }

  /// The rows.
  var rows: Range<Int> {
    let step = SketchBlock.step(task)
    return index * step..<min((index + 1) * step, task.baseRowCount)
  }

  /// The bytes of weights that are read for them.
  var byteCount: Int {
    let elements = rows.lowerBound * task.columnCount..<rows.upperBound * task.columnCount
    return task.byteCount(ofDeltas: elements, model: model)
  }
}

/// Thin matrices of layers, a row of numbers for each input, in a file: for each model the sums over each block
/// of rows.
///
/// They are added up in order when they are read. Behind a matrix lie the products with each other of what
/// rows put out along the basis, and the sum of squares; zeros where there is no basis yet.
final class SketchStore: DirectionSource, Sendable {
  private let file: WorkFile
  private let size: SketchSize
  private let starts: [Int: [Int]]
  let byteCount: Int

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, size: SketchSize) {
    self.file = file
    self.size = size
    var starts: [Int: [Int]] = [:]
    var end = 0
    for task in tasks {
      starts[task.ordinal] = (0..<modelCount).map { model in
        defer { if task.fineTuned[model] != nil { end += SketchStore.byteCount(task, size) } }
        return end
      }
    }
    self.starts = starts
    byteCount = end
  }

  private static func byteCount(_ task: TensorTask, _ size: SketchSize) -> Int {
    SketchBlock.count(task) * size.blockCount(task) * 8
  }

  /// The bytes of a file for what models have of layers.
  static func byteCount(_ tasks: [TensorTask], modelCount: Int, size: SketchSize) -> Int {
    tasks.reduce(0) { sum, task in
      sum + task.fineTuned.count { $0 != nil } * byteCount(task, size)
    }
  }

  /// Where the sum over a block lies.
  func range(_ block: SketchBlock) -> Range<Int> {
    let count = size.blockCount(block.task) * 8
    let start = (starts[block.task.ordinal]?[block.model] ?? 0) + block.index * count
    return start..<start + count
  }

  /// Keeps the sums over a block.
  func put(_ matrix: UnsafePointer<Double>, _ block: SketchBlock) throws {
    let range = range(block)
    // SAFETY: the caller guarantees that the matrix has as many numbers.
    try unsafe file.write(
      UnsafeRawBufferPointer(start: matrix, count: range.count), at: range.lowerBound)
  }

  /// The sum over all blocks of a layer of a model.
  func directions(of task: TensorTask, model: Int) throws -> Directions {
    guard task.fineTuned[model] != nil, size.count(task) > 0 else { return .none }
    var values: [Double] = []
    for index in 0..<SketchBlock.count(task) {
      let range = range(SketchBlock(task: task, model: model, index: index))
      let next = try RowStore.values(in: range, of: file, zero: Double(0))
      if values.isEmpty {
        values = next
      } else {
        for index in values.indices { values[index] += next[index] }
      }
    }
    let (count, width) = (size.count(task), size.rank(of: task))
    let energy = values.removeLast()
    let core = Array(values[count...])
    values.removeLast(values.count - count)
    return Directions(width: width, values: values, core: core, energy: energy)
  }

  /// What of a layer's deltas lies along the basis that its directions were found with, and the sum of their squares.
  func energies(of task: TensorTask, model: Int) throws -> (held: Double, energy: Double) {
    let (count, width) = (size.count(task), size.rank(of: task))
    var (held, energy) = (0.0, 0.0)
    for index in 0..<SketchBlock.count(task) {
      let range = range(SketchBlock(task: task, model: model, index: index))
      let beside = try RowStore.values(
        in: range.lowerBound + count * 8..<range.upperBound, of: file, zero: Double(0))
      for row in 0..<width { held += beside[row * width + row] }
      energy += beside.last ?? 0
    }
    return (held, energy)
  }

  /// What reading the directions of a layer takes: the sum, and what is added to it.
  static func directionBytes(_ tasks: [TensorTask], size: SketchSize) -> Int {
    2 * 8 * size.mostBlockNumbers(tasks)
  }
}
