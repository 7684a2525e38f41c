/// Neighbouring stages fused on one worker: what a lane does with the chunks of a strip.
///
/// A lane works through a strip from its first chunk to its last, then begins the next.
public protocol LaneSegment: AnyObject {
  /// Prepares for a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What keeps it from being worked on.
  func begin(_ strip: Strip) throws

  /// Works on the next chunk of the strip.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: What keeps it from being worked on.
  func process(_ chunk: Chunk) throws

  /// Finishes the strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What keeps it from being finished.
  func end(_ strip: Strip) throws
}

extension Chunk {
  /// Whether the base has the elements of a block.
  ///
  /// - Parameter block: The elements, as positions in the chunk.
  /// - Returns: False for rows that only fine-tuned models have.
  func hasBase(_ block: Range<Int>) -> Bool { (base?.elementCount ?? 0) > block.lowerBound }

  /// The blocks of the chunk, as positions in it, in order.
  ///
  /// A block does not cross the end of the base's or a model's elements, so that it is of one kind.
  ///
  /// - Parameter blockElements: The most elements in a block.
  /// - Returns: The blocks.
  func blocks(of blockElements: Int) -> some Sequence<Range<Int>> {
    let count = elements.count
    let borders = ([base] + fineTuned).compactMap { run in
      run.map { $0.elementCount }
    }
    return sequence(state: 0) { (start: inout Int) -> Range<Int>? in
      guard start < count else { return nil }
      var end = min(start + blockElements, count)
      for border in borders where border > start && border < end { end = border }
      defer { start = end }
      return start..<end
    }
  }
}
