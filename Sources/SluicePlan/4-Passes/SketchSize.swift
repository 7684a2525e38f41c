internal import SluiceKernels
internal import SluiceStages

/// How many directions are looked for, and from how many sums of rows.
struct SketchSize: Sendable, Hashable {
  /// The number that is asked for of each model, or the most where a share is.
  let rank: Int
  /// The share of its deltas' squares that a layer's directions are to hold; nil where a number is asked for.
  let share: Double?
  /// Whether models share directions.
  let isJoint: Bool
  /// The number of models.
  let modelCount: Int
  /// Whether rows of blended deltas are compensated.
  let compensatesBlends: Bool
  /// The fewest sums of rows, where a layer has as many rows: more of them serve few directions better.
  static let leastSums = 128

  /// How many models' directions are looked for at once.
  var sharing: Int { isJoint ? modelCount : 1 }

  /// The directions of a layer, which has no more than inputs, nor a model more than rows.
  func width(_ task: TensorTask) -> Int {
    min(sharing * min(rank, task.baseRowCount), task.columnCount)
  }

  /// The most directions along which rows of blended deltas are compensated: the strongest, as many as a model has.
  var corrections: Int { compensatesBlends ? rank : 0 }

  /// The most of a layer's directions along which rows of blended deltas are compensated.
  func correctionCount(_ task: TensorTask) -> Int { min(corrections, width(task)) }

  /// Along how many directions rows of blended deltas are compensated in a layer that has so many: as many as a model
  /// has.
  func correctionCount(among width: Int) -> Int {
    min(corrections, share == nil ? width : (width + modelCount - 1) / modelCount)
  }

  /// The most directions of any of these layers.
  func mostDirections(_ tasks: [TensorTask]) -> Int {
    tasks.filter { $0.role == .linear }.map(width).max() ?? 0
  }

  /// The sums of rows of a layer of one model: four for each direction; as many as rows, which are then taken as
  /// they are, if there are no more.
  func sumCount(_ task: TensorTask) -> Int {
    min(task.baseRowCount, max(SketchSize.leastSums, 4 * rank))
  }

  /// The bytes that are kept of a block of rows: the sums, and the sum of squares.
  func blockBytes(_ task: TensorTask) -> Int { 4 * sumCount(task) * task.columnCount + 8 }

  /// The most numbers of the directions that rows of blended deltas are compensated along, in panels.
  func mostCorrectionNumbers(_ tasks: [TensorTask]) -> Int {
    tasks.filter { $0.role == .linear }.map {
      FactorProduct.panelElements(rank: correctionCount($0), columns: $0.columnCount)
    }.max() ?? 0
  }

  /// The numbers of a layer's directions, in panels.
  func panelCount(_ task: TensorTask) -> Int {
    FactorProduct.panelElements(rank: width(task), columns: task.columnCount)
  }

  /// The most numbers of the directions of linear layers.
  func mostPanelNumbers(_ tasks: [TensorTask]) -> Int {
    tasks.filter { $0.role == .linear }.map(panelCount).max() ?? 0
  }
}

/// Rows of a layer that are worked on as one: so many that a sum over them is worth keeping, always the same ones,
/// whatever strips, memory and threads are.
struct RowBlock: Sendable, Hashable {
  /// About how many elements a block has.
  static let elementCount = 1 << 24

  let task: TensorTask
  let index: Int

  /// The rows of a block.
  static func step(_ task: TensorTask) -> Int { max(1, elementCount / max(task.columnCount, 1)) }

  /// How many blocks a layer has.
  static func count(_ task: TensorTask) -> Int {
    (task.baseRowCount + step(task) - 1) / step(task)
  }

  /// The blocks of layers.
  static func all(of tasks: [TensorTask]) -> [RowBlock] {
    tasks.flatMap { task in (0..<count(task)).map { RowBlock(task: task, index: $0) } }
  }

  /// Adds up, number by number, what there is of each block of a layer, in order.
  static func totals<Value: AdditiveArithmetic>(
    of task: TensorTask, _ numbers: (RowBlock) throws -> [Value]
  ) rethrows -> [Value] {
    var totals: [Value] = []
    for block in all(of: [task]) {
      let next = try numbers(block)
      if totals.isEmpty {
        totals = next
      } else {
        for index in totals.indices { totals[index] += next[index] }
      }
    }
    return totals
  }

  /// The rows.
  var rows: Range<Int> {
    let step = RowBlock.step(task)
    return index * step..<min((index + 1) * step, task.baseRowCount)
  }

  /// The bytes of weights that are read for them, of a model.
  func byteCount(model: Int) -> Int {
    let elements = rows.lowerBound * task.columnCount..<rows.upperBound * task.columnCount
    return task.byteCount(ofDeltas: elements, model: model)
  }
}
