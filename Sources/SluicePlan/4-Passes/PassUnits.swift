package import SluiceFormats
internal import SluiceStages

/// What is finished of a pass, unit by unit: what earlier attempts noted, and where this one notes what it
/// finishes.
///
/// A pass says what a unit is and what must be known of a finished one; the journal keeps it.
package struct PassUnits: Sendable {
  /// Notes a unit by its ordinal: what must be known of it, the bytes that were read and written for it,
  /// and the file that it lies in.
  package typealias Note = @Sendable (Int, [UInt8], Int, WorkFile?) -> Void

  /// The kind of the units.
  package let kind: UnitKind
  /// The file that the units lie in, if they lie in one.
  package let file: WorkFile?
  /// The file of units that lie in one.
  var ownFile: WorkFile {
    guard let file else { preconditionFailure("units of a file have one") }
    return file
  }
  private var earlier: [Int: [UInt8]]
  private let note: Note

  package init(
    _ kind: UnitKind, in file: WorkFile?, earlier: [Int: [UInt8]],
    _ note: @escaping Note
  ) {
    self.kind = kind
    self.file = file
    self.earlier = earlier
    self.note = note
  }

  /// Whether an earlier attempt finished a unit.
  package func isFinished(_ ordinal: Int) -> Bool { earlier[ordinal] != nil }

  /// Takes over what is known of a unit, if an earlier attempt finished it.
  ///
  /// - Parameters:
  ///   - ordinal: The unit.
  ///   - take: Takes what was noted over, or says that it makes no sense: then the unit is done again.
  package mutating func restore(_ ordinal: Int, _ take: ([UInt8]) -> Bool) {
    if let body = earlier[ordinal], !take(body) { earlier[ordinal] = nil }
  }

  /// Notes that a unit is finished.
  ///
  /// - Parameters:
  ///   - ordinal: The unit.
  ///   - body: What must be known of it.
  ///   - workByteCount: The bytes that were read and written for it.
  package func finished(_ ordinal: Int, _ body: [UInt8], workByteCount: Int) {
    note(ordinal, body, workByteCount, file)
  }

  /// What must be known of a unit that lies in the file: where, and the hashes of its pieces.
  package func body(ofBytesIn ranges: Range<Int>...) throws -> [UInt8] {
    try body(ofBytesIn: ranges)
  }

  /// The same.
  package func body(ofBytesIn ranges: [Range<Int>]) throws -> [UInt8] {
    guard let file else { return [] }
    let slots = try ranges.flatMap { range in
      try stride(from: range.lowerBound, to: range.upperBound, by: PassUnits.pieceBytes).map {
        start in
        let piece = start..<min(start + PassUnits.pieceBytes, range.upperBound)
        return StripRecords.Slot(
          offset: piece.lowerBound, byteCount: piece.count,
          hash: Hash128(of: try file.bytes(in: piece)))
      }
    }
    return StripRecords.Slot.encode(slots)
  }

  /// How many bytes are hashed at once.
  static let pieceBytes = 1 << 20
  /// About the bytes that a unit takes in memory beside its body: the tables are up to half empty.
  static let byteCount = 160
}
