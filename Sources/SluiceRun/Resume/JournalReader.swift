internal import SluiceCore
package import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// Reads a journal up to where it is whole.
///
/// Any bytes are a journal: what does not belong to a whole record, and all after it, was never
/// finished and counts as not written. So every prefix of a journal is a state that it was once in.
package struct JournalReader {
  /// What the first bytes say.
  package enum Header: Sendable, Hashable {
    /// Not even the header is whole: nothing was recorded.
    case missing
    /// Something else, or another version of the format.
    case foreign
    /// A journal of the run with a manifest of this hash.
    case valid(manifest: Hash128)
  }

  /// What the first bytes say.
  package let header: Header
  /// How many bytes belong to the header and whole records, as far as they have been read.
  package private(set) var validByteCount = 0

  /// The length from which on a file is no journal: a thousand times what a large merge leaves.
  static let byteLimit = 1 << 29
  /// How much is read at once.
  private static let windowByteCount = 1 << 18

  private let byteCount: Int
  private let read: (Range<Int>) throws -> [UInt8]

  /// Starts to read.
  ///
  /// - Parameters:
  ///   - byteCount: The length of the journal.
  ///   - read: Gives a range of its bytes.
  /// - Throws: What `read` throws.
  package init(byteCount: Int, read: @escaping (Range<Int>) throws -> [UInt8]) throws {
    self.byteCount = byteCount
    self.read = read
    guard byteCount >= JournalFormat.headerByteCount else {
      header = .missing
      return
    }
    let bytes = try read(0..<JournalFormat.headerByteCount)
    let start = JournalFormat.header(manifest: Hash128(high: 0, low: 0)).prefix(16)
    guard bytes.starts(with: start), let hash = Hash128(bytes: bytes[16..<32]) else {
      header = .foreign
      return
    }
    header = .valid(manifest: hash)
    validByteCount = JournalFormat.headerByteCount
  }

  /// Starts to read a file.
  ///
  /// - Parameter file: The file; it may grow meanwhile.
  /// - Throws: `FormatError` if it cannot be read, `PipelineError` if it is longer than any journal.
  package init(_ file: WorkFile) throws {
    let byteCount = try file.byteCount()
    guard byteCount <= JournalReader.byteLimit else {
      throw PipelineError.badInput(
        "the journal has \(ByteCount(byteCount)); "
          + "at most \(ByteCount(JournalReader.byteLimit)) are read", file: file.path,
        remedy: "Start again with --restart, or choose another --out.")
    }
    // A record after the other would be two reads for each.
    var window = (start: 0, bytes: [UInt8]())
    try self.init(byteCount: byteCount) { range in
      let end = window.start + window.bytes.count
      if range.lowerBound < window.start || range.upperBound > end {
        let isHead = range.lowerBound == 0
        let ahead = isHead ? range.upperBound : range.lowerBound + JournalReader.windowByteCount
        let end = min(byteCount, max(range.upperBound, ahead))
        window = (range.lowerBound, try file.bytes(in: range.lowerBound..<end))
      }
      let first = range.lowerBound - window.start
      return Array(window.bytes[first..<first + range.count])
    }
  }

  /// Reads the next record.
  package mutating func next() throws -> JournalRecord? {
    guard case .valid = header else { return nil }
    let start = validByteCount
    let payloadStart = start + JournalFormat.recordHeaderByteCount
    guard payloadStart <= byteCount else { return nil }
    var head = ByteReader(try read(start..<payloadStart))
    guard let length = head.integer(UInt32.self), length <= JournalFormat.payloadByteLimit,
      payloadStart + Int(length) <= byteCount, let hash = head.bytes(16)
    else { return nil }
    let payload = try read(payloadStart..<payloadStart + Int(length))
    guard Hash128(of: payload, seed: UInt64(start)).bytes == hash,
      let record = JournalFormat.decode(payload)
    else { return nil }
    validByteCount = payloadStart + Int(length)
    return record
  }
}
