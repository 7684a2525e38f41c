internal import SluiceDataflow

/// What is done between products.
extension ForwardPass {
  /// Does the same to blocks of rows, on all lanes.
  private func forEachBlock(
    _ name: String, _ body: @escaping @Sendable (Range<Int>) throws -> Void
  ) throws {
    let blocks = TokenBatch.blocks(batch.rowCount).map { $0.clamped(to: 0..<batch.rowCount) }
    try Graph.forEach(blocks, name, threads: threads, cancellation: cancellation) { block, _ in
      try body(block)
    }
  }

  func norm(_ states: Activations, _ gain: [Float]) throws {
    let (inner, epsilon) = (inner, shape.epsilon)
    try forEachBlock("norm") { block in
      for row in block {
        // SAFETY: rows of both matrices hold as many numbers as the gain.
        unsafe RowFunctions.norm(states.row(row), gain, epsilon: epsilon, into: inner.row(row))
      }
      states.release(block)
      inner.release(block)
    }
  }

  /// Norms the outputs of a part, and adds them to the states.
  func add(_ gain: [Float], to states: Activations) throws {
    let (inner, epsilon) = (inner, shape.epsilon)
    try forEachBlock("norm") { block in
      for row in block {
        // SAFETY: as above.
        let output = unsafe inner.row(row)
        unsafe RowFunctions.norm(output, gain, epsilon: epsilon, into: output)
        unsafe RowFunctions.add(output, to: states.row(row), count: gain.count)
      }
      states.release(block)
      inner.release(block)
    }
  }

  func placeHeads(gains: (queries: [Float], keys: [Float])?) throws {
    let (shape, table, wide) = (shape, table, wide)
    try Graph.forEach(
      Array(batch.sequences.indices), "rotate", threads: threads, cancellation: cancellation
    ) { [batch] index, _ in
      for position in 0..<batch.sequences[index].rowCount {
        // SAFETY: a row holds all heads, and is that of one sequence.
        unsafe Attention.place(
          wide.row(batch.starts[index] + position), position: position, shape, table, gains: gains)
      }
      wide.release(batch.starts[index]..<batch.starts[index + 1])
    }
  }

  func attend(window: Int?) throws {
    let (shape, wide, longest) = (shape, wide, batch.longest)
    let heads = batch.sequences.indices.flatMap { sequence in
      (0..<shape.headCount).map { (sequence: sequence, head: $0) }
    }
    // Lanes end the heads of a sequence in any order: whoever is last lets go of its rows.
    let left = Monitor(Array(repeating: shape.headCount, count: batch.sequences.count))
    try Graph.workThrough(heads, "attention", threads: threads, cancellation: cancellation) {
      [batch] list, _ in
      let attention = Attention(shape, longest: longest)
      while let (sequence, head) = try list.next() {
        let rows = batch.starts[sequence]..<batch.starts[sequence + 1]
        attention.answer(head: head, rows, wide, window: window)
        let isLast = left.withLock { left in
          left[sequence] -= 1
          return left[sequence] == 0
        }
        if isLast { wide.release(rows) }
      }
    }
  }

  func gate() throws {
    let (shape, wide) = (shape, wide)
    try forEachBlock("gate") { block in
      for row in block {
        // SAFETY: a row holds gates, then as many ups.
        let gates = unsafe wide.row(row)
        unsafe RowFunctions.gate(
          gates, gates + shape.innerWidth, count: shape.innerWidth, shape.activation)
      }
      wide.release(block)
    }
  }
}
