/// What one lane does in a pass that looks twice: one segment for each look.
public final class TwoLooksSegment: LaneSegment {
  private let first: any LaneSegment
  private let second: any LaneSegment

  /// Joins two segments.
  ///
  /// - Parameters:
  ///   - first: Works on strips that are seen for the first time.
  ///   - second: Works on strips that are seen again.
  public init(first: any LaneSegment, second: any LaneSegment) {
    self.first = first
    self.second = second
  }

  private func segment(_ strip: Strip) -> any LaneSegment {
    strip.look == .first ? first : second
  }

  /// Prepares for a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What the segment throws.
  public func begin(_ strip: Strip) throws { try segment(strip).begin(strip) }

  /// Works on a chunk.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: What the segment throws.
  public func process(_ chunk: Chunk) throws { try segment(chunk.strip).process(chunk) }

  /// Finishes a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What the segment throws.
  public func end(_ strip: Strip) throws { try segment(strip).end(strip) }
}
