internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceSolvers
internal import SluiceStages

/// Solves for a layer of all models by the Gram matrices that their deltas have of their own, in one lane.
///
/// Formula: RegMean with the matrices of `OwnGrams`: the sum of w_t P_t. Where deltas are removed, each P_t is rounded to
/// Float32 and cut as `SparseBlendOperator` cuts it, and what is left is added up in Double, times its weight.
@safe struct OwnSolver {
  let task: TensorTask
  let method: MethodParameters
  /// What each model's deltas are multiplied by.
  let weights: [Double]
  let scratch: ScratchSpace
  let kernels: Kernels

  /// Solves for the layer.
  ///
  /// - Parameters:
  ///   - readDeltas: Reads rows of a model's deltas.
  ///   - emit: Takes rows of the merged deltas, in order.
  /// - Throws: What the functions throw, `SolverError` if the disk fails.
  func solve(
    readDeltas: (_ model: Int, _ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void,
    emit: (_ rows: Range<Int>, UnsafePointer<Double>) throws -> Void
  ) throws {
    let (columns, modelCount) = (task.columnCount, task.fineTuned.count)
    let panelRows = SolvePlan.panelRows(columns)
    let grams = try OwnGrams(
      modelCount: modelCount, columnCount: columns, share: method.gramShare, scratch: scratch)
    for model in 0..<modelCount where task.fineTuned[model] != nil {
      try unsafe grams.add(
        model, rowCount: task.rowCount, panelRows: panelRows,
        bandRows: OwnGrams.bandRows(columns), readDeltas: { try unsafe readDeltas(model, $0, $1) })
    }
    let removes = method.blendRate > 0
    let rest = OwnRest(
      method, columnCount: columns, rowCount: removes ? panelRows : 0, kernels: kernels)
    // SAFETY: the solver's buffers hold the rows that it asks for, and the rest as many.
    try unsafe RegMean(offDiagonal: 1, scratch: scratch, panelRows: panelRows).solve(
      rowCount: task.rowCount, columnCount: columns, modelCount: modelCount,
      isSeparate: removes,
      readGram: { try unsafe grams.read($0, $1, into: $2) },
      readDeltas: { model, rows, target in
        try unsafe readDeltas(model, rows, target)
        guard !removes else { return }
        for index in 0..<rows.count * columns { unsafe target[index] *= weights[model] }
      },
      emit: { model, rows, values in
        guard removes else { return try unsafe emit(rows, values) }
        if model == 0 { rest.begin() }
        if grams.isPresent(model) {
          unsafe rest.add(values, rowCount: rows.count, times: weights[model])
        }
        if model == modelCount - 1 { try unsafe emit(rows, rest.total.pointer) }
      })
  }

  /// The bytes of the buffers for what is left of some rows.
  static func restBytes(_ columnCount: Int) -> Int {
    8 * columnCount * SolvePlan.panelRows(columnCount) + 4 * columnCount
  }
}

/// What is left of rows of all models where the smallest elements of each are removed.
@safe private final class OwnRest {
  private let columnCount: Int
  private let cutter: BlendCutter
  private let row: AlignedBuffer<Float>
  let total: AlignedBuffer<Double>
  private let kernels: Kernels

  init(_ method: MethodParameters, columnCount: Int, rowCount: Int, kernels: Kernels) {
    self.columnCount = columnCount
    self.kernels = kernels
    cutter = BlendCutter(Removal(method), kernels: kernels)
    row = AlignedBuffer(count: columnCount, fill: 0)
    total = AlignedBuffer(count: rowCount * columnCount, fill: 0)
  }

  func begin() { total.fill(0) }

  /// Adds what is left of a model's rows.
  func add(_ values: UnsafePointer<Double>, rowCount: Int, times weight: Double) {
    for number in 0..<rowCount {
      // SAFETY: the caller guarantees all rows, and the total has as many.
      let (from, to) = unsafe (
        values + number * columnCount, total.pointer + number * columnCount
      )
      for column in 0..<columnCount { unsafe row.pointer[column] = Float(from[column]) }
      let factor = unsafe cutter.restoring(row.pointer, columnCount).factor
      for column in 0..<columnCount {
        unsafe to[column] += weight * Double(factor * row.pointer[column])
      }
    }
  }
}
