package import SluiceKernels

/// Numbers of each row of tensors, which a pass over rows found.
package protocol StepRowNumbers: Sendable {
  /// The numbers of some rows of a tensor, row after row.
  func numbers(of task: TensorTask, rows: Range<Int>) throws -> [Float]
}

/// What a pass over rows finds out about each, in one lane.
package protocol StepRowRule: AnyObject {
  /// Finds the number of a row, all of whose inputs lie in memory.
  ///
  /// - Parameters:
  ///   - pieces: The row, cut into tiles; the base is taken off already where the pass says so.
  ///   - task: The tensor.
  ///   - steps: What rounds to the tensor's working type.
  /// - Returns: The number.
  func number(of pieces: [StepTile], _ task: TensorTask, _ steps: StepArithmetic) -> Float
}

/// The cosine of two rows, as `NuSlerpRule` has it of tensors.
package final class RowCosineRule: StepRowRule {
  private let lengths: GramRule
  private let units: UnitProductRule
  private let squares: StepAccumulator
  private let products: StepAccumulator

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) {
    lengths = GramRule(setup, subtracts: false)
    units = UnitProductRule(setup, subtracts: false)
    squares = StepAccumulator(count: lengths.count)
    products = StepAccumulator(count: units.count)
  }

  /// The cosine before it is rounded to the working type.
  package func number(
    of pieces: [StepTile], _ task: TensorTask, _ steps: StepArithmetic
  ) -> Float {
    squares.clear()
    products.clear()
    for piece in pieces { lengths.add(piece, steps, to: squares) }
    units.setLengths(squares.totals, steps)
    for piece in pieces { units.add(piece, steps, to: products) }
    return Float(products.totals[0])
  }
}

/// The share of the mean of a row, as `ModelStockRule` has it of tensors.
package final class RowShareRule: StepRowRule {
  private let rule: GramRule
  private let sums: StepAccumulator
  private let count: Int

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) {
    rule = GramRule(setup, subtracts: false, roundsProducts: true)
    sums = StepAccumulator(count: rule.count)
    count = setup.others.count
  }

  /// The share.
  package func number(
    of pieces: [StepTile], _ task: TensorTask, _ steps: StepArithmetic
  ) -> Float {
    sums.clear()
    for piece in pieces { rule.add(piece, steps, to: sums) }
    return ModelStockRule.share(sums.totals, count, steps)
  }
}

/// The numbers of rows, or of columns, in one lane of a merge: some thousand at a time.
package final class StepRowWindow {
  private static let rowCount = 4096
  private let source: any StepRowNumbers
  private var numbers: [Float] = []
  private var rows = 0..<0
  private var task: TensorTask?
  private var count = 0

  /// Looks at numbers.
  package init(_ source: any StepRowNumbers) { self.source = source }

  /// Begins with a tensor, of which so many numbers are known.
  package func begin(_ task: TensorTask, count: Int) {
    (self.task, self.count) = (task, count)
    rows = 0..<0
  }

  /// The number of a row, or of a column.
  package func number(of row: Int) throws -> Float {
    guard let task else { return 0 }
    if !rows.contains(row) {
      rows = row..<min(row + StepRowWindow.rowCount, count)
      numbers = try source.numbers(of: task, rows: rows)
    }
    return numbers[row - rows.lowerBound]
  }
}

extension StepTile {
  /// Does something with each part of the tile that lies in one row.
  func forEachRow(_ columnCount: Int, _ body: (Int, StepTile) throws -> Void) rethrows {
    var start = 0
    while start < count {
      let (row, column) = (firstElement + start).quotientAndRemainder(dividingBy: columnCount)
      let part = min(count - start, columnCount - column)
      try body(row, StepTile(self, from: start, count: part))
      start += part
    }
  }
}

/// Buffers for whole rows of all inputs.
@safe package final class StepRowBuffers {
  /// The most elements of an input.
  package let elementCount: Int
  private let base: AlignedBuffer<Float>
  private let models: [AlignedBuffer<Float>]
  private let rows: AlignedBuffer<UnsafePointer<Float>>
  private let setup: StepSetup
  private let subtracts: Bool

  /// Makes room.
  ///
  /// - Parameters:
  ///   - elementCount: The most elements of an input.
  ///   - modelCount: The number of fine-tuned models.
  ///   - setup: What is known of the merge.
  ///   - subtracts: Whether the base's weights are taken off the models'.
  package init(elementCount: Int, modelCount: Int, _ setup: StepSetup, subtracts: Bool) {
    self.elementCount = elementCount
    self.setup = setup
    self.subtracts = subtracts
    base = AlignedBuffer(count: elementCount, fill: 0)
    models = (0..<modelCount).map { _ in AlignedBuffer(count: elementCount, fill: 0) }
    unsafe rows = AlignedBuffer(count: max(modelCount, 1), fill: UnsafePointer(base.pointer))
    for (index, model) in models.enumerated() {
      unsafe rows.pointer[index] = UnsafePointer(model.pointer)
    }
  }

  /// Reads elements of all inputs, rounds them, and takes the base off the models where that is wanted.
  package func read(
    _ elements: Range<Int>, of task: TensorTask, _ reader: RowReader, kernels: Kernels
  ) throws -> Int {
    let dtype = setup.working.dtype(of: task)
    var byteCount = try reader.readRoundedBase(of: task, elements, roundedTo: dtype)
    // SAFETY: the buffers hold as many elements as the reader's.
    unsafe base.pointer.update(from: reader.base.pointer, count: elements.count)
    for (model, buffer) in models.enumerated() {
      byteCount +=
        subtracts
        ? try reader.readRoundedDeltas(of: task, model: model, elements, roundedTo: dtype)
        : try reader.readRoundedWeights(of: task, model: model, elements, roundedTo: dtype)
      unsafe buffer.pointer.update(from: reader.deltas.pointer, count: elements.count)
    }
    return byteCount
  }

  /// A row, cut into tiles.
  package func pieces(of row: Range<Int>, firstElement: Int) -> [StepTile] {
    stride(from: row.lowerBound, to: row.upperBound, by: Granularity.tileElements).map { start in
      var tile = unsafe MergeTile(
        deltas: rows.pointer, modelCount: models.count, count: row.count, merged: base.pointer,
        firstElement: firstElement)
      unsafe tile.base = UnsafePointer(base.pointer)
      return StepTile(
        tile, setup, start: start, count: min(Granularity.tileElements, row.upperBound - start))
    }
  }
}
