internal import SluiceKernels

/// Attention within sequences of any lengths, without padding: each head of each sequence by itself.
///
/// Queries go block by block, so that the scores of a block against all keys are the most that is held.
final class Attention {
  /// How many queries are answered at once.
  static let blockRows = 64

  private let shape: DecoderShape
  private let scores: AlignedBuffer<Float>
  private let answers: AlignedBuffer<Float>

  /// Makes the buffers of one lane.
  init(_ shape: DecoderShape, longest: Int) {
    self.shape = shape
    scores = AlignedBuffer(count: Attention.blockRows * longest, fill: 0)
    answers = AlignedBuffer(count: Attention.blockRows * shape.headWidth, fill: 0)
  }

  /// The bytes that a lane holds.
  static func byteCount(_ shape: DecoderShape, longest: Int) -> Int {
    4 * blockRows * (longest + shape.headWidth)
  }

  /// Turns the heads of a row by its position, normed before where the family does that.
  static func place(
    _ row: UnsafeMutablePointer<Float>, position: Int, _ shape: DecoderShape, _ table: RotaryTable,
    gains: (queries: [Float], keys: [Float])?
  ) {
    for head in 0..<(shape.headCount + shape.keyHeadCount) {
      // SAFETY: the caller's row holds all queries and keys.
      let start = unsafe row + head * shape.headWidth
      if let gains {
        unsafe RowFunctions.norm(
          start, head < shape.headCount ? gains.queries : gains.keys, epsilon: shape.epsilon,
          into: start)
      }
      unsafe table.turn(start, position: position)
    }
  }

  /// Replaces the queries of a head, in all rows of a sequence, by the answers to them.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - rows: The rows of the sequence in a matrix of queries, keys and values.
  ///   - wide: The matrix.
  ///   - window: How far a token looks back.
  func answer(head: Int, _ rows: Range<Int>, _ wide: Activations, window: Int?) {
    let (width, stride) = (shape.headWidth, wide.columnCount)
    let keyHead = head / (shape.headCount / shape.keyHeadCount)
    let keyColumn = shape.queryWidth + keyHead * width
    let first = unsafe wide.row(rows.lowerBound)
    for start in Swift.stride(from: 0, to: rows.count, by: Attention.blockRows) {
      let end = min(start + Attention.blockRows, rows.count)
      let keys = max(0, start + 1 - (window ?? .max))..<end
      // SAFETY: all operands lie in the rows of the sequence, or in buffers made for the longest one.
      let queries = unsafe Products.Operand(
        start: first + start * stride + head * width, stride: stride)
      let keyRows = unsafe first + keys.lowerBound * stride
      unsafe Products.multiply(
        queries, Products.Operand(start: keyRows + keyColumn, stride: stride),
        into: Products.Operand(start: scores.pointer, stride: keys.count),
        (end - start, keys.count, width), scale: shape.queryScale)
      for query in start..<end {
        unsafe share(
          scores.pointer + (query - start) * keys.count, keys, query: query, window: window)
      }
      unsafe Products.multiply(
        Products.Operand(start: scores.pointer, stride: keys.count),
        Products.Operand(start: keyRows + keyColumn + shape.keyWidth, stride: stride),
        into: Products.Operand(start: answers.pointer, stride: width),
        (end - start, width, keys.count), isTurned: false)
      for query in 0..<(end - start) {
        unsafe (queries.start + query * stride).update(
          from: answers.pointer + query * width, count: width)
      }
    }
  }

  /// Makes shares of a query's scores; keys that it does not see get none.
  private func share(
    _ scores: UnsafeMutablePointer<Float>, _ keys: Range<Int>, query: Int, window: Int?
  ) {
    let seen = max(keys.lowerBound, query + 1 - (window ?? .max))..<(query + 1)
    // SAFETY: the scores are those of all keys, and the seen ones are among them.
    let start = unsafe scores + (seen.lowerBound - keys.lowerBound)
    if let bound = shape.scoreCap {
      unsafe RowFunctions.bend(start, count: seen.count, bound: bound)
    }
    unsafe RowFunctions.softmax(start, count: seen.count)
    unsafe scores.update(repeating: 0, count: seen.lowerBound - keys.lowerBound)
    unsafe (start + seen.count).update(repeating: 0, count: keys.upperBound - seen.upperBound)
  }
}
