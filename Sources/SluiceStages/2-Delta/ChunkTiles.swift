extension Chunk {
  /// Whether the base has the elements of a tile.
  func hasBase(_ tile: Range<Int>) -> Bool { (base?.elementCount ?? 0) > tile.lowerBound }

  /// The tiles of the chunk, as positions in it, in order.
  ///
  /// A tile does not cross the end of the base's or a model's elements, so that it is of one kind. The next
  /// one ends where it would without: so the same elements share a tile whatever the size of chunks.
  ///
  /// - Parameters:
  ///   - tileElements: The most elements in a tile.
  ///   - part: The elements, as positions in the chunk; it begins where a tile does.
  /// - Returns: The tiles.
  func tiles(of tileElements: Int, in part: Range<Int>) -> ChunkTiles {
    ChunkTiles(part, tileElements: tileElements, borders: ends, origin: 0)
  }

  /// The spans of the chunk, as positions in it, in order: as long as they are if they are counted from
  /// the beginning of the strip.
  ///
  /// - Parameters:
  ///   - spanElements: The most elements in a span.
  ///   - dividesAtEnds: Whether a span ends where the base's or a model's elements do.
  ///   - part: The elements, as positions in the chunk.
  /// - Returns: The spans.
  func spans(of spanElements: Int, dividesAtEnds: Bool, in part: Range<Int>) -> ChunkTiles {
    let begun = (elements.lowerBound - strip.elements.lowerBound) % spanElements
    return ChunkTiles(
      part, tileElements: spanElements, borders: dividesAtEnds ? ends : [], origin: -begun)
  }

  /// The grains of the chunk, as positions in it, in order.
  var grains: ChunkTiles {
    ChunkTiles(0..<elements.count, tileElements: Granularity.grainElements)
  }

  /// Where models end before the chunk does.
  private var ends: [Int] {
    // Most chunks have none, and an empty array takes no memory.
    var ends: [Int] = []
    if let base, base.elementCount < elements.count { ends.append(base.elementCount) }
    for case let run? in fineTuned where run.elementCount < elements.count {
      ends.append(run.elementCount)
    }
    return ends
  }
}

/// The tiles of a chunk: a type of its own, since what it does is done for every tile.
struct ChunkTiles: Sequence, IteratorProtocol {
  private let end: Int
  private let tileElements: Int
  /// Positions that no tile crosses.
  private let borders: [Int]
  /// Where tiles are counted from, at or before the first element.
  private let origin: Int
  private var start: Int

  /// The tiles of elements that no border divides, counted from the first.
  init(_ elements: Range<Int>, tileElements: Int) {
    self.init(elements, tileElements: tileElements, borders: [], origin: elements.lowerBound)
  }

  init(_ elements: Range<Int>, tileElements: Int, borders: [Int], origin: Int) {
    (start, end) = (elements.lowerBound, elements.upperBound)
    self.tileElements = tileElements
    self.borders = borders
    self.origin = origin
  }

  mutating func next() -> Range<Int>? {
    guard start < self.end else { return nil }
    let whole = start + tileElements - (start - origin) % tileElements
    var end = Swift.min(whole, self.end)
    if !borders.isEmpty {
      for border in borders where border > start && border < end { end = border }
    }
    defer { start = end }
    return start..<end
  }
}
