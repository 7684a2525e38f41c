internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels

/// What inputs of linear layers look like, gathered while they are computed: root mean squares, and Gram
/// matrices of any size, which go to their file strip by strip and are never held.
final class InputMeans {
  /// How many rows of a Gram matrix a lane computes at once.
  static let stripRows = 128

  private let threads: Int
  private let cancellation: Cancellation
  private let gathersNorms: Bool
  private let grams: GramFile?
  /// The root mean squares, by the names of weights.
  private(set) var norms: [String: [Float]] = [:]

  init(norms: Bool, grams: GramFile?, threads: Int, cancellation: Cancellation) {
    gathersNorms = norms
    self.grams = grams
    self.threads = threads
    self.cancellation = cancellation
  }

  /// The bytes that a lane holds.
  static func byteCount(columns: Int) -> Int { stripRows * columns * 12 }

  /// Looks at the inputs of matrices: those of all of them are the same.
  func look(_ places: [LinearPlace], _ inputs: Activations, rowCount: Int) throws {
    let columns = places[0].inputs
    if gathersNorms {
      let norms = try rootMeanSquares(inputs, columns: columns, rowCount: rowCount)
      for place in places { self.norms[place.name] = norms }
    }
    if let grams {
      try gather(places.map(\.name), inputs, columns: columns, rowCount: rowCount, into: grams)
    }
  }

  private func rootMeanSquares(
    _ inputs: Activations, columns: Int, rowCount: Int
  ) throws -> [Float] {
    let ranges = stride(from: 0, to: columns, by: 1024).map { $0..<min($0 + 1024, columns) }
    let found = Monitor([Float](repeating: 0, count: columns))
    try Graph.forEach(ranges, "norms", threads: threads, cancellation: cancellation) { range, _ in
      var sums = [Double](repeating: 0, count: range.count)
      for row in 0..<rowCount {
        // SAFETY: a row holds all columns.
        let start = unsafe inputs.row(row) + range.lowerBound
        for index in 0..<range.count {
          let value = unsafe Double(start[index])
          sums[index] += value * value
        }
      }
      let roots = sums.map { Float(($0 / Double(rowCount)).squareRoot()) }
      found.withLock { $0.replaceSubrange(range, with: roots) }
    }
    inputs.release(0..<rowCount)
    return found.withLock { $0 }
  }

  private func gather(
    _ names: [String], _ inputs: Activations, columns: Int, rowCount: Int, into file: GramFile
  ) throws {
    let strips = stride(from: 0, to: columns, by: InputMeans.stripRows).map {
      $0..<min($0 + InputMeans.stripRows, columns)
    }
    let blocks = TokenBatch.blocks(rowCount).map { $0.clamped(to: 0..<rowCount) }
    try Graph.workThrough(strips, "grams", threads: threads, cancellation: cancellation) {
      list, _ in
      let part = AlignedBuffer<Float>(count: InputMeans.stripRows * columns, fill: 0)
      let sum = AlignedBuffer<Double>(count: InputMeans.stripRows * columns, fill: 0)
      while let strip = try list.next() {
        let count = strip.count * columns
        sum.fill(0)
        for block in blocks {
          // SAFETY: the block's rows hold all columns, and the buffers a strip.
          unsafe Products.multiplyColumns(
            Products.Operand(
              start: inputs.row(block.lowerBound) + strip.lowerBound, stride: inputs.columnCount),
            Products.Operand(start: inputs.row(block.lowerBound), stride: inputs.columnCount),
            into: Products.Operand(start: part.pointer, stride: columns),
            (strip.count, columns, block.count))
          for index in 0..<count { unsafe sum.pointer[index] += Double(part.pointer[index]) }
          inputs.release(block)
        }
        for index in 0..<count {
          unsafe part.pointer[index] = Float(sum.pointer[index] / Double(rowCount))
        }
        // SAFETY: the buffer holds the strip.
        try unsafe file.write(
          UnsafeRawBufferPointer(start: part.pointer, count: count * 4), names,
          firstElement: strip.lowerBound * columns)
      }
    }
  }
}
