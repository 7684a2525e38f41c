internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Computes the deltas of adapters in one lane.
final class AdapterLane: LaneDeltas {
  /// The elements that pass through buffers at once.
  static let blockElements = 1024

  let deltas: AdapterDeltas
  let kernels: Kernels
  let reader: FactorReader
  let products: ProductRun
  private let sum: AlignedBuffer<Float>
  /// A block of the ground, and one for rounding.
  private let block = AlignedBuffer<Float>(count: AdapterLane.blockElements, fill: 0)
  private let nothing = AlignedBuffer<Float>(count: AdapterLane.blockElements, fill: -0.0)
  private let rounded = AlignedBuffer<UInt64>(count: AdapterLane.blockElements, fill: 0)
  let lengths: RowLengths?

  init(_ deltas: AdapterDeltas, kernels: Kernels) {
    self.deltas = deltas
    self.kernels = kernels
    reader = FactorReader(kernels: kernels)
    products = ProductRun(room: deltas.room, reader: reader, kernels: kernels)
    sum = AlignedBuffer(count: deltas.room.sumElements, fill: 0)
    lengths = deltas.room.hasMagnitudes ? RowLengths() : nil
  }

  func compute(
    _ ordinal: Int, _ elements: Range<Int>, ground: ChunkRun?,
    into target: UnsafeMutablePointer<Float>
  ) throws -> Int {
    let tensor = deltas.tensors[ordinal]
    let elements =
      elements.lowerBound + tensor.firstElement..<elements.upperBound + tensor.firstElement
    for (position, term) in tensor.terms.enumerated() {
      guard position > 0 else {
        try unsafe compute(term, position, ordinal, elements, ground, into: target)
        continue
      }
      precondition(elements.count <= sum.count)
      try unsafe compute(term, position, ordinal, elements, ground, into: sum.pointer)
      // SAFETY: both hold as many elements as are asked for.
      for index in 0..<elements.count { unsafe target[index] += sum.pointer[index] }
    }
    return reader.takeByteCount()
  }

  private func compute(
    _ term: DeltaTerm, _ position: Int, _ ordinal: Int, _ elements: Range<Int>,
    _ ground: ChunkRun?, into target: UnsafeMutablePointer<Float>
  ) throws {
    switch term.content {
    case .product(let product):
      let factors = factors(of: term, position, ordinal, product)
      try unsafe products.compute(factors, elements, into: target)
      for dtype in term.roundings { unsafe round(target, count: elements.count, to: dtype) }
      if product.magnitude != nil {
        try unsafe turn(factors, term, elements, ground, target)
      }
    case .vector(let vector):
      try unsafe readRow(of: vector, elements, term, into: target)
      let scale = Float(term.scale * term.strength)
      for index in 0..<elements.count { unsafe target[index] *= scale }
      for dtype in term.roundings { unsafe round(target, count: elements.count, to: dtype) }
    case .rows(let places, let matrix):
      unsafe target.update(repeating: 0, count: elements.count)
      for rectangle in Rectangle.covering(elements, width: matrix.columnCount) {
        for row in rectangle.rows {
          guard let place = places[row] else { continue }
          let start = row * matrix.columnCount + rectangle.columns.lowerBound - elements.lowerBound
          try unsafe replace(
            matrix, row: place, rectangle.columns, term, ground, from: start, into: target)
        }
      }
    case .whole(let matrix):
      for rectangle in Rectangle.covering(elements, width: matrix.columnCount) {
        for row in rectangle.rows {
          let start = row * matrix.columnCount + rectangle.columns.lowerBound - elements.lowerBound
          try unsafe replace(
            matrix, row: row, rectangle.columns, term, ground, from: start, into: target)
        }
      }
    }
  }

  func factors(
    of term: DeltaTerm, _ position: Int, _ ordinal: Int, _ product: DeltaTerm.Product
  ) -> ProductRun.Factors {
    ProductRun.Factors(
      ordinal: ordinal, term: position, product: product,
      scale: Float(product.magnitude == nil ? term.scale * term.strength : term.scale),
      isFused: term.isFused, file: term.file)
  }

  /// A row of a matrix in the place of the ground's: their difference, times the strength.
  private func replace(
    _ matrix: FactorMatrix, row: Int, _ columns: Range<Int>, _ term: DeltaTerm,
    _ ground: ChunkRun?, from start: Int, into target: UnsafeMutablePointer<Float>
  ) throws {
    for column in stride(
      from: columns.lowerBound, to: columns.upperBound, by: AdapterLane.blockElements)
    {
      let part = column..<min(column + AdapterLane.blockElements, columns.upperBound)
      let place = start + column - columns.lowerBound
      // SAFETY: the row lies among the elements of the target.
      let out = unsafe target + place
      try unsafe reader.read(
        matrix, expert: 0, rows: row..<row + 1, columns: part, in: term.file, into: out)
      widen(ground, place..<place + part.count)
      let strength = Float(term.strength)
      for index in 0..<part.count {
        unsafe out[index] = unsafe (out[index] - block.pointer[index]) * strength
      }
    }
  }

  private func readRow(
    of vector: FactorMatrix, _ elements: Range<Int>, _ term: DeltaTerm,
    into target: UnsafeMutablePointer<Float>
  ) throws {
    for start in stride(
      from: elements.lowerBound, to: elements.upperBound, by: FactorRoom.pieceElements)
    {
      let part = start..<min(start + FactorRoom.pieceElements, elements.upperBound)
      try unsafe reader.read(
        vector, expert: 0, rows: 0..<1, columns: part, in: term.file,
        into: target + (start - elements.lowerBound))
    }
  }

  /// Widens a block of the ground; what it does not have is 0.
  func widen(_ ground: ChunkRun?, _ positions: Range<Int>) {
    let available = max(
      0, min(ground?.elementCount ?? 0, positions.upperBound) - positions.lowerBound)
    if let ground, available > 0 {
      // SAFETY: the run holds the elements, and the block as many as are asked for.
      _ = unsafe kernels.widen(
        ground.bytes + positions.lowerBound * (ground.dtype.byteCount ?? 0), ground.dtype,
        into: block.pointer, count: available)
    }
    unsafe (block.pointer + available).update(repeating: 0, count: positions.count - available)
  }

  /// The block of the ground that was widened last.
  var widened: UnsafeMutablePointer<Float> { unsafe block.pointer }

  /// Rounds to a type and back.
  private func round(_ values: UnsafeMutablePointer<Float>, count: Int, to dtype: DType) {
    guard dtype == .bf16 || dtype == .f16 else { return }
    for start in stride(from: 0, to: count, by: AdapterLane.blockElements) {
      let part = min(AdapterLane.blockElements, count - start)
      // SAFETY: the buffers hold a block; adding to -0 changes no number.
      _ = unsafe kernels.finish(
        base: nothing.pointer, merged: values + start, mergeScale: 1, into: rounded.pointer, dtype,
        count: part)
      _ = unsafe kernels.widen(
        UnsafeRawPointer(rounded.pointer), dtype, into: values + start, count: part)
    }
  }
}
