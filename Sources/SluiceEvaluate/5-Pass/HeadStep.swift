internal import Glibc
internal import SluiceDataflow
internal import SluiceKernels

/// What a model says of a token that is asked about.
package struct TokenScore: Sendable, Hashable {
  /// The logarithm of its probability.
  package var logProbability: Double
  /// Whether no token is more probable.
  package var isGreedy: Bool
}

/// The logits of answers, of which no more than a panel is ever held: for each panel the largest, where it
/// is, and the sum of exponentials are kept, and put together in the order of panels.
@safe struct HeadStep {
  /// What is known of the logits of a panel.
  private struct Part {
    var largest = -Float.infinity
    var index: Int32 = -1
    var sum = 0.0
  }

  /// A look at logits, for tests: the answer, the first token, and the logits.
  typealias Look = @Sendable (Int, Int, UnsafeBufferPointer<Float>) -> Void

  let linear: LinearStep
  let shape: DecoderShape
  let head: String
  var look: Look?

  /// The bytes that are held for each answer.
  static func byteCount(_ shape: DecoderShape) -> Int {
    (shape.tokenCount + Products.panelRows - 1) / Products.panelRows * MemoryLayout<Part>.stride
      + 16
  }

  /// The bytes that a lane holds.
  static let laneByteCount = 4 * Products.blockRows * Products.panelRows

  /// Scores answers.
  ///
  /// - Parameters:
  ///   - states: A normed row for each answer.
  ///   - targets: The tokens that are asked about.
  /// - Returns: What the model says of each.
  /// - Throws: If the head cannot be read.
  func scores(_ states: Activations, _ targets: [Int32]) throws -> [TokenScore] {
    let panels = stride(from: 0, to: shape.tokenCount, by: Products.panelRows).map {
      $0..<min($0 + Products.panelRows, shape.tokenCount)
    }
    let parts = Shared(AlignedBuffer(count: panels.count * targets.count, fill: Part()))
    let logits = Shared(AlignedBuffer(count: targets.count, fill: Float.nan))
    let logitShelf = BufferShelf(count: Products.blockRows * Products.panelRows)
    try Graph.workThrough(
      Array(panels.enumerated().map { ($0.offset, $0.element) }), "head", threads: linear.threads,
      cancellation: linear.cancellation
    ) { [self] list, _ in
      let (panel, room) = (linear.panels.take(), logitShelf.take())
      defer {
        linear.panels.putBack(panel)
        logitShelf.putBack(room)
      }
      while let (index, tokens) = try list.next() {
        // SAFETY: the panel has room for as many rows.
        let read = try unsafe linear.weights.read(
          head, tokens.lowerBound * shape.width..<tokens.upperBound * shape.width,
          into: panel.pointer)
        for block in TokenBatch.blocks(targets.count) {
          try linear.cancellation.check()
          multiply(states, block, panel, tokens, into: room)
          for row in block.lowerBound..<min(block.upperBound, targets.count) {
            // SAFETY: the room holds the logits of the block; a part is that of this panel alone.
            let values = unsafe UnsafeMutableBufferPointer(
              start: room.pointer + (row - block.lowerBound) * tokens.count, count: tokens.count)
            unsafe parts.value.pointer[row * panels.count + index] = part(
              values, tokens, row, target: Int(targets[row]), logits.value)
          }
        }
        linear.costs.withLock { $0.bytesRead += read }
        linear.didRead(read)
      }
    }
    return targets.indices.map { row in
      unsafe combine(
        UnsafeBufferPointer(
          start: parts.value.pointer + row * panels.count, count: panels.count),
        logits.value.pointer[row], targets[row])
    }
  }

  private func multiply(
    _ states: Activations, _ block: Range<Int>, _ panel: AlignedBuffer<Float>, _ tokens: Range<Int>,
    into room: AlignedBuffer<Float>
  ) {
    let start = MonotonicTime.now
    // SAFETY: the block's rows are in the matrix, and the room holds a block of logits.
    unsafe Products.multiply(
      Products.Operand(start: states.row(block.lowerBound), stride: states.columnCount),
      Products.Operand(start: panel.pointer, stride: shape.width),
      into: Products.Operand(start: room.pointer, stride: tokens.count),
      (block.count, tokens.count, shape.width))
    let seconds = MonotonicTime.now.seconds(since: start)
    linear.costs.withLock { costs in
      costs.productSeconds += seconds
      costs.operations += 2 * Double(block.count) * Double(tokens.count * shape.width)
    }
    states.release(block)
  }

  /// Sums up the logits of a row in a panel.
  private func part(
    _ values: UnsafeMutableBufferPointer<Float>, _ tokens: Range<Int>, _ row: Int, target: Int,
    _ logits: AlignedBuffer<Float>
  ) -> Part {
    guard let start = values.baseAddress else { return Part() }
    if let bound = shape.logitCap {
      unsafe RowFunctions.bend(start, count: values.count, bound: bound)
    }
    if tokens.contains(target) {
      unsafe logits.pointer[row] = values[target - tokens.lowerBound]
    }
    if let look = unsafe look { unsafe look(row, tokens.lowerBound, UnsafeBufferPointer(values)) }
    var part = Part()
    for index in 0..<values.count where unsafe values[index] > part.largest {
      part.largest = unsafe values[index]
      part.index = Int32(tokens.lowerBound + index)
    }
    for index in 0..<values.count {
      part.sum += unsafe Double(expf(values[index] - part.largest))
    }
    return part
  }

  private func combine(
    _ parts: UnsafeBufferPointer<Part>, _ logit: Float, _ target: Int32
  ) -> TokenScore {
    var best = Part()
    for index in 0..<parts.count where unsafe parts[index].largest > best.largest {
      best = unsafe parts[index]
    }
    var sum = 0.0
    for index in 0..<parts.count {
      let own = unsafe parts[index]
      sum += own.sum * exp(Double(own.largest) - Double(best.largest))
    }
    return TokenScore(
      logProbability: Double(logit) - Double(best.largest) - log(sum),
      isGreedy: best.index == target)
  }
}

/// Something that lanes write disjoint parts of.
private struct Shared<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
