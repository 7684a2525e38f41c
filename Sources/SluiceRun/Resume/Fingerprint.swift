internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// What tells one input file from another without reading all of it, and from itself once it has
/// been changed.
///
/// Paths do not count, nor do device and inode numbers, so that a file may be found elsewhere after
/// a restart of the machine. Length and time of change find files that were written to; the hash
/// finds files that were confused, since fine-tunes of one base agree in header and length.
struct Fingerprint: Sendable, Hashable {
  private static let pieceByteCount = 1 << 16
  private static let sampleByteCount = 4096
  private static let sampleCount = 16

  let byteCount: Int
  let modificationNanoseconds: Int64
  /// XXH3-128 of the XXH3-128s of: the header in pieces of 65536 bytes, then 16 samples of 4096
  /// bytes of the data, evenly spaced from the first byte to the last.
  let content: Hash128

  init(of file: InputFile) throws {
    byteCount = file.byteCount
    modificationNanoseconds = file.status.modificationNanoseconds
    var hashes: [UInt8] = []
    func add(_ range: Range<Int>) throws {
      hashes += Hash128(of: try file.bytes(in: range)).bytes
    }
    let dataStart = try Fingerprint.headerByteCount(of: file)
    for start in stride(from: 0, to: dataStart, by: Fingerprint.pieceByteCount) {
      try add(start..<min(start + Fingerprint.pieceByteCount, dataStart))
    }
    let count = min(Fingerprint.sampleByteCount, byteCount - dataStart)
    let room = byteCount - dataStart - count
    for sample in 0..<Fingerprint.sampleCount where count > 0 {
      let start = dataStart + room / (Fingerprint.sampleCount - 1) * sample
      try add(start..<start + count)
    }
    content = Hash128(of: hashes)
  }

  /// Adds the fingerprint to what must agree.
  ///
  /// - Parameters:
  ///   - manifest: The manifest.
  ///   - name: What the file is called there.
  ///   - hasTime: Whether its time counts; that of a store does not, which says itself what it is.
  func add(to manifest: inout Manifest, as name: String, hasTime: Bool = true) {
    manifest.add(fact: "\(name).bytes", "\(byteCount)")
    if hasTime { manifest.add(fact: "\(name).modified", "\(modificationNanoseconds)") }
    manifest.add(fact: "\(name).content", content.hexadecimal)
  }

  private static func headerByteCount(of file: InputFile) throws -> Int {
    var prefix = ByteReader(try file.bytes(in: 0..<min(8, file.byteCount)))
    let count = prefix.count() ?? 0
    // Other formats have no such length; of them the first MiB is read whole.
    let isHeader = count <= SafetensorsHeader.maximumTextByteCount && 8 + count <= file.byteCount
    return min(file.byteCount, isHeader ? 8 + count : 1 << 20)
  }
}
