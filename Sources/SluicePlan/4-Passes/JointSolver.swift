internal import SluiceKernels
internal import SluiceMethods
internal import SluiceSolvers
internal import SluiceStages

/// Rows of a layer of all models.
struct JointRows: Sendable {
  let task: TensorTask
  let rows: Range<Int>

  var elements: Range<Int> {
    rows.lowerBound * task.columnCount..<rows.upperBound * task.columnCount
  }

  /// The bytes of weights that are read: of each model that has the layer, with the base's.
  var byteCount: Int {
    task.fineTuned.indices.reduce(0) {
      $0 + (task.fineTuned[$1] == nil ? 0 : task.byteCount(ofDeltas: elements, model: $1))
    }
  }
}

/// What is removed of each row of blended deltas.
struct Removal: Sendable {
  /// The rate; nothing is removed at 0.
  let rate: Double
  /// What the norms that are restored are multiplied by.
  let factor: Double

  init(_ method: MethodParameters) {
    rate = method.blendRate
    factor = method.blendFactor
  }
}

/// Solves for the rows of layers in one lane.
@safe final class JointSolver {
  /// How many rows are projected together.
  static let rowCount = 16

  private let store: BlendStore
  private let reader: RowReader
  private let share: Double
  private let removal: Removal
  private let weights: TensorSettings
  private let kernels: Kernels
  private let worker: PassWorker
  private let selection: RowBandSelection
  private let row: AlignedBuffer<Float>
  private let sums: AlignedBuffer<Double>
  private let squares: SquareSum
  private let ownShare = AlignedBuffer<Double>(count: 1, fill: 1)
  private var blend: OwnBlend?
  private var directions = BlendDirections(.none, isPresent: [])
  private var ordinal: Int?

  init(
    _ store: BlendStore, _ reader: RowReader, share: Double, removal: Removal, columnCount: Int,
    weights: TensorSettings, kernels: Kernels, worker: PassWorker
  ) {
    self.store = store
    self.reader = reader
    self.share = share
    self.removal = removal
    self.weights = weights
    self.kernels = kernels
    self.worker = worker
    squares = SquareSum(kernels)
    selection = RowBandSelection(columnCount: columnCount, kernels: kernels)
    row = AlignedBuffer(count: columnCount, fill: 0)
    sums = AlignedBuffer(count: JointSolver.rowCount * store.size.directionCount, fill: 0)
  }

  /// The numbers of each row.
  func numbers(_ job: JointRows) throws -> [Double] {
    let (task, columns, width) = (job.task, job.task.columnCount, store.size.width)
    try begin(task)
    var numbers = [Double](repeating: 0, count: job.rows.count * width)
    var part = 0
    for model in task.fineTuned.indices where task.fineTuned[model] != nil {
      try worker.check()
      let byteCount = try reader.readPresentDeltas(of: task, model: model, job.elements)
      worker.countRead(byteCount)
      worker.advance(by: byteCount)
      guard let blend, directions.isPresent[model] else { continue }
      let weight = Double(weights.factor(of: task, model: model))
      unsafe numbers.withUnsafeMutableBufferPointer { numbers in
        guard let numbers = numbers.baseAddress else { return }
        for row in 0..<job.rows.count {
          // SAFETY: the reader's buffer holds all rows; the others have a number for each direction.
          let (deltas, own) = unsafe (reader.deltas.pointer + row * columns, numbers + row * width)
          let index = row % JointSolver.rowCount
          if index == 0 {
            unsafe project(
              deltas, min(JointSolver.rowCount, job.rows.count - row), columns, blend)
          }
          let found = unsafe sums.pointer + index * blend.width
          if store.size.isSparse {
            unsafe cut(
              deltas, columns, found, part, blend,
              into: own + model * (width / store.size.modelCount))
          } else {
            unsafe blend.add(found, of: part, weight: weight, to: own)
          }
        }
      }
      part += 1
    }
    if let blend, !store.size.isSparse {
      unsafe numbers.withUnsafeMutableBufferPointer { numbers in
        guard let numbers = numbers.baseAddress else { return }
        for row in 0..<job.rows.count { unsafe blend.solve(numbers + row * width) }
      }
    }
    return numbers
  }

  private func project(
    _ deltas: UnsafePointer<Float>, _ rowCount: Int, _ columns: Int, _ blend: OwnBlend
  ) {
    sums.fill(0)
    unsafe directions.directions.values.withUnsafeBufferPointer { matrix in
      guard let matrix = matrix.baseAddress else { return }
      unsafe kernels.project(
        deltas, rowCount: rowCount, count: columns, on: matrix, width: blend.width,
        to: sums.pointer)
    }
  }

  /// Blends a model's row by itself, and finds where it is cut.
  private func cut(
    _ deltas: UnsafePointer<Float>, _ columns: Int, _ found: UnsafePointer<Double>, _ part: Int,
    _ blend: OwnBlend, into numbers: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: behind the numbers of a cut there is one for each direction.
    let weights = unsafe numbers + BlendCut.width
    unsafe blend.add(found, of: part, weight: 1, to: weights)
    unsafe blend.solve(weights)
    unsafe ownShare.pointer[0] = 1 / Double(directions.isPresent.count { $0 })
    unsafe directions.directions.values.withUnsafeBufferPointer { matrix in
      var run = unsafe deltas
      unsafe withUnsafePointer(to: &run) {
        unsafe kernels.blend(
          $0, shares: ownShare.pointer, modelCount: 1, from: 0, count: columns,
          along: matrix.baseAddress, weights: weights, width: blend.width, into: row.pointer)
      }
    }
    let cutAt = unsafe selection.cuts(
      row.pointer, count: columns, rates: [removal.rate], tieBreak: .index)[0]
    var (column, left) = (0, cutAt.keptOfTied)
    while left > 0, column < columns {
      if unsafe row.pointer[column].magnitude.bitPattern == cutAt.thresholdBits { left -= 1 }
      column += 1
    }
    let whole = unsafe squares.of(row.pointer, count: columns)
    let unscaled = BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: 1)
    unsafe unscaled.apply(to: row.pointer, count: columns, column: 0, kernels: kernels)
    let factor = RowScaleStage.factor(
      whole: whole, kept: unsafe squares.of(row.pointer, count: columns), times: removal.factor)
    let cut = BlendCut(
      threshold: cutAt.threshold, firstDroppedColumn: column, factor: factor)
    for (index, number) in cut.numbers.enumerated() { unsafe numbers[index] = number }
  }

  private func begin(_ task: TensorTask) throws {
    guard task.ordinal != ordinal else { return }
    (ordinal, blend) = (nil, nil)
    directions = BlendDirections(.none, isPresent: [])
    let (found, parts) = try store.parts(of: task)
    directions = found
    unsafe found.directions.values.withUnsafeBufferPointer { matrix in
      guard let matrix = matrix.baseAddress, !parts.isEmpty else { return }
      blend = unsafe OwnBlend(
        parts, along: matrix, columnCount: task.columnCount, share: share, kernels: kernels)
    }
    ordinal = task.ordinal
  }
}
