internal import SluiceDataflow
internal import SluiceKernels

/// Products of all rows with matrices whose weights are read once, panel by panel.
///
/// A lane reads a panel, widens it, multiplies all blocks of rows with it, and takes the next: while one
/// reads, others compute.
struct LinearStep: Sendable {
  /// What the products of a step are counted in.
  struct Costs: Sendable {
    var bytesRead = 0
    var operations = 0.0
    var productSeconds = 0.0
  }

  /// Rows of a matrix.
  private struct Panel: Sendable {
    let place: LinearPlace
    let rows: Range<Int>
  }

  let weights: any WeightSource
  let threads: Int
  let cancellation: Cancellation
  let panels: BufferShelf
  let costs: Monitor<Costs>
  let didRead: @Sendable (Int) -> Void

  /// Multiplies.
  ///
  /// - Parameters:
  ///   - inputs: A row of inputs for each token, from the first column on.
  ///   - places: The matrices, all of the same inputs.
  ///   - outputs: Receives the products in the columns of the places.
  ///   - rowCount: The number of rows that hold tokens.
  ///   - adds: Whether products are added to what is there.
  /// - Throws: If a weight cannot be read.
  func multiply(
    _ inputs: Activations, _ places: [LinearPlace], into outputs: Activations, rowCount: Int,
    adds: Bool = false
  ) throws {
    let blocks = TokenBatch.blocks(rowCount)
    var biases: [String: [Float]] = [:]
    for place in places {
      let name = DecoderNames.bias(of: place.name)
      guard weights.shape(name) != nil else { continue }
      biases[place.name] = try weights.vector(name, count: place.outputs) { note($0) }
    }
    let list = places.flatMap { place in
      stride(from: 0, to: place.outputs, by: Products.panelRows).map {
        Panel(place: place, rows: $0..<min($0 + Products.panelRows, place.outputs))
      }
    }
    try Graph.workThrough(list, "linear", threads: threads, cancellation: cancellation) {
      [biases] panels, _ in
      let panel = self.panels.take()
      defer { self.panels.putBack(panel) }
      while let part = try panels.next() {
        let read = try load(part, into: panel)
        let start = MonotonicTime.now
        for block in blocks {
          try cancellation.check()
          multiply(inputs, part, panel, into: outputs, block, adds: adds)
          if let bias = biases[part.place.name] {
            add(bias, part, to: outputs, block)
          }
          inputs.release(block)
          outputs.release(block)
        }
        let seconds = MonotonicTime.now.seconds(since: start)
        costs.withLock { costs in
          costs.bytesRead += read
          costs.productSeconds += seconds
          costs.operations +=
            2 * Double(TokenBatch.padded(rowCount)) * Double(part.rows.count * part.place.inputs)
        }
        didRead(read)
      }
    }
  }

  /// Counts bytes of weights that were read.
  func note(_ byteCount: Int) {
    costs.withLock { $0.bytesRead += byteCount }
    didRead(byteCount)
  }

  private func load(_ part: Panel, into panel: AlignedBuffer<Float>) throws -> Int {
    let inputs = part.place.inputs
    precondition(part.rows.count * inputs <= panel.count)
    // SAFETY: the panel has room for its rows.
    return try unsafe weights.read(
      part.place.name, part.rows.lowerBound * inputs..<part.rows.upperBound * inputs,
      into: panel.pointer)
  }

  private func multiply(
    _ inputs: Activations, _ part: Panel, _ panel: AlignedBuffer<Float>, into outputs: Activations,
    _ block: Range<Int>, adds: Bool
  ) {
    // SAFETY: the block's rows are in both matrices, and the panel's columns are this lane's alone.
    unsafe Products.multiply(
      Products.Operand(start: inputs.row(block.lowerBound), stride: inputs.columnCount),
      Products.Operand(start: panel.pointer, stride: part.place.inputs),
      into: Products.Operand(
        start: outputs.row(block.lowerBound) + part.place.column + part.rows.lowerBound,
        stride: outputs.columnCount),
      (block.count, part.rows.count, part.place.inputs), adds: adds)
  }

  private func add(_ bias: [Float], _ part: Panel, to outputs: Activations, _ block: Range<Int>) {
    unsafe bias.withUnsafeBufferPointer { bias in
      guard let start = bias.baseAddress else { return }
      for row in block {
        // SAFETY: as above.
        unsafe RowFunctions.add(
          start + part.rows.lowerBound,
          to: outputs.row(row) + part.place.column + part.rows.lowerBound, count: part.rows.count)
      }
    }
  }
}

/// Buffers of one size that lanes take and put back, so that none is made twice.
final class BufferShelf: Sendable {
  // A buffer is on the shelf or in one lane.
  private struct Kept: @unchecked Sendable {
    let buffer: AlignedBuffer<Float>
  }

  private let shelf = Monitor([Kept]())
  private let count: Int

  init(count: Int) { self.count = count }

  func take() -> AlignedBuffer<Float> {
    let known = shelf.withLock { $0.popLast() }
    return known?.buffer ?? AlignedBuffer(count: count, fill: 0)
  }

  func putBack(_ buffer: AlignedBuffer<Float>) {
    let kept = Kept(buffer: buffer)
    shelf.withLock { $0.append(kept) }
  }
}
