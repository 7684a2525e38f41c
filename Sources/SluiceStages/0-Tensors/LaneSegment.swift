/// Neighbouring stages fused on one thread: what a lane does with the chunks of a strip.
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
  func blocks(of blockElements: Int) -> ChunkBlocks {
    let ends = [base?.elementCount] + fineTuned.map { $0?.elementCount }
    return ChunkBlocks(
      elementCount: elements.count, blockElements: blockElements,
      borders: ends.compactMap { end in end.flatMap { $0 < elements.count ? $0 : nil } })
  }
}

/// The blocks of a chunk: a type of its own, since what it does is done for every block.
struct ChunkBlocks: Sequence, IteratorProtocol {
  private let elementCount: Int
  private let blockElements: Int
  /// Where models end before the chunk does.
  private let borders: [Int]
  private var start = 0

  /// The blocks of elements that no border divides.
  init(_ elements: Range<Int>, blockElements: Int) {
    self.init(elementCount: elements.upperBound, blockElements: blockElements, borders: [])
    start = elements.lowerBound
  }

  init(elementCount: Int, blockElements: Int, borders: [Int]) {
    self.elementCount = elementCount
    self.blockElements = blockElements
    self.borders = borders
  }

  mutating func next() -> Range<Int>? {
    guard start < elementCount else { return nil }
    var end = Swift.min(start + blockElements, elementCount)
    if !borders.isEmpty {
      for border in borders where border > start && border < end { end = border }
    }
    defer { start = end }
    return start..<end
  }
}
