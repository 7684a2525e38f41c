internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages
internal import Synchronization

/// The buffers in which lengths of directions are found (DoRA).
final class RowLengths {
  let ground = AlignedBuffer<Float>(count: FactorRoom.pieceElements, fill: 0)
  let deltas = AlignedBuffer<Float>(count: FactorRoom.pieceElements, fill: 0)
}

/// What columns are multiplied by, found once for all lanes: it takes a look at the whole tensor.
final class ColumnLengths: Sendable {
  private struct Key: Hashable {
    let ordinal: Int
    let term: Int
  }

  private let known = Mutex<[Key: [Double]]>([:])

  /// The factors of a term; computed by the first lane that asks, while others wait.
  func factors(
    _ ordinal: Int, _ term: Int, _ compute: () throws -> [Double]
  ) throws -> [Double] {
    try known.withLock { known in
      let key = Key(ordinal: ordinal, term: term)
      if let factors = known[key] { return factors }
      let factors = try compute()
      known[key] = factors
      return factors
    }
  }
}

extension AdapterLane {
  /// Turns a product into the delta of a decomposed weight (DoRA, arXiv 2402.09353).
  ///
  /// Formula: W = m / |W0 + D| * (W0 + D), the length being that of what leads to one output, and the
  /// delta W - W0; in Double, rounded once.
  func turn(
    _ factors: ProductRun.Factors, _ term: DeltaTerm, _ elements: Range<Int>, _ ground: ChunkRun?,
    _ target: UnsafeMutablePointer<Float>
  ) throws {
    let width = factors.product.columnCount
    let columns =
      factors.product.hasColumnMagnitudes
      ? try deltas.columns.factors(factors.ordinal, factors.term) { try columnFactors(factors) }
      : []
    for rectangle in Rectangle.covering(elements, width: width) {
      for row in rectangle.rows {
        let factor =
          columns.isEmpty ? try rowFactor(factors, row: row) : 1
        for column in stride(
          from: rectangle.columns.lowerBound, to: rectangle.columns.upperBound,
          by: AdapterLane.blockElements)
        {
          let part = column..<min(column + AdapterLane.blockElements, rectangle.columns.upperBound)
          let place = row * width + column - elements.lowerBound
          widen(ground, place..<place + part.count)
          let (base, out) = unsafe (widened, target + place)
          for index in 0..<part.count {
            let own = columns.isEmpty ? factor : columns[column + index]
            let weight = Double(unsafe base[index])
            let turned = own * (weight + Double(unsafe out[index])) - weight
            unsafe out[index] = Float(turned * term.strength)
          }
        }
      }
    }
  }

  /// What a row is multiplied by.
  private func rowFactor(_ factors: ProductRun.Factors, row: Int) throws -> Double {
    let width = factors.product.columnCount
    var sums = [Double](repeating: 0, count: Kernels.squareSumCount)
    try unsafe addUp(factors, row * width..<(row + 1) * width) { start, count, ground, deltas in
      for index in 0..<count {
        let value = Double(unsafe ground[index]) + Double(unsafe deltas[index])
        sums[(start + index) % width % sums.count] += value * value
      }
    }
    return try factor(factors, row, squares: sums.reduce(0, +))
  }

  /// What all columns are multiplied by.
  private func columnFactors(_ factors: ProductRun.Factors) throws -> [Double] {
    let (width, height) = (factors.product.columnCount, factors.product.rowCount)
    var sums = [Double](repeating: 0, count: width)
    try unsafe addUp(factors, 0..<width * height) { start, count, ground, deltas in
      for index in 0..<count {
        let value = Double(unsafe ground[index]) + Double(unsafe deltas[index])
        sums[(start + index) % width] += value * value
      }
    }
    return try sums.enumerated().map { try factor(factors, $0, squares: $1) }
  }

  /// Hands out the ground and the product of elements, piece by piece.
  private func addUp(
    _ factors: ProductRun.Factors, _ elements: Range<Int>,
    _ add: (Int, Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void
  ) throws {
    guard let lengths else { preconditionFailure("there is room for lengths") }
    let tensor = deltas.tensors[factors.ordinal]
    for start in stride(
      from: elements.lowerBound, to: elements.upperBound, by: FactorRoom.pieceElements)
    {
      let part = start..<min(start + FactorRoom.pieceElements, elements.upperBound)
      let own = part.lowerBound - tensor.firstElement..<part.upperBound - tensor.firstElement
      try unsafe reader.read(
        own, of: tensor.ground, in: deltas.files, into: lengths.ground.pointer)
      try unsafe products.compute(factors, part, into: lengths.deltas.pointer)
      unsafe add(start, part.count, lengths.ground.pointer, lengths.deltas.pointer)
    }
  }

  private func factor(
    _ factors: ProductRun.Factors, _ position: Int, squares: Double
  ) throws -> Double {
    guard let magnitude = factors.product.magnitude else { return 1 }
    var length: Float = 0
    try unsafe withUnsafeMutablePointer(to: &length) { target in
      try unsafe reader.read(
        magnitude, expert: 0, rows: 0..<1, columns: position..<position + 1, in: factors.file,
        into: target)
    }
    guard squares > 0 else {
      throw AdapterError.bad(
        "output \(position) of \(deltas.tensors[factors.ordinal].name.printable) is zero, and has "
          + "no direction to be turned to", file: factors.file.path, tensor: magnitude.tensor,
        remedy: "Is this the base that the adapter was trained on?")
    }
    return Double(length) / squares.squareRoot()
  }
}
