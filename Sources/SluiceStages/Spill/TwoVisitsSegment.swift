/// What one lane does in a pass that looks twice: one segment for each look.
package final class TwoVisitsSegment: LaneSegment {
  private let first: any LaneSegment
  private let second: any LaneSegment

  /// Joins two segments.
  package init(first: any LaneSegment, second: any LaneSegment) {
    self.first = first
    self.second = second
  }

  private func segment(_ strip: Strip) -> any LaneSegment {
    strip.look == .first ? first : second
  }

  /// Prepares for a strip.
  package func begin(_ strip: Strip) throws { try segment(strip).begin(strip) }

  /// Works on a chunk.
  package func process(_ chunk: Chunk) throws { try segment(chunk.strip).process(chunk) }

  /// Finishes a strip.
  package func end(_ strip: Strip) throws { try segment(strip).end(strip) }
}
