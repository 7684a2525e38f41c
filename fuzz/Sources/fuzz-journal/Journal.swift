import FuzzSupport
@testable import SluiceFormats
@testable import SluicePlan
@testable import SluiceRun

/// The journal of a run, read as a run that goes on reads it, and for its status.
///
/// Any bytes as they are, or payloads that are given their hashes, so that what is after the hashes
/// is reached too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournal(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let form = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    let journal = form & 1 == 0 ? rest : journal(of: rest)
    let (records, end) = try read(journal)
    precondition(end <= journal.count)
    let (same, sameEnd) = try read(Array(journal[..<end]))
    precondition(same == records && sameEnd == end)

    var progress = MergeProgress()
    for record in records { progress.apply(record) }
    _ = (progress.nextAttempt, progress.costs)

    let directory = directories.value
    journal.withUnsafeBytes { directory.fill(".sluice/journal", $0) }
    let status = try RunStatus(of: directory.path)
    precondition(status.attempts >= 0 && status.phases.allSatisfy { $0.byteCount >= 0 })
    precondition(status.seconds.isFinite)
  }
}

private func read(_ bytes: [UInt8]) throws -> ([JournalRecord], Int) {
  var reader = try JournalReader(byteCount: bytes.count) { Array(bytes[$0]) }
  var records: [JournalRecord] = []
  while let record = try reader.next() { records.append(record) }
  return (records, reader.validByteCount)
}

/// A length of two bytes and so many bytes of a payload, again and again.
private func journal(of bytes: [UInt8]) -> [UInt8] {
  var journal = JournalFormat.header(manifest: Hash128(high: 1, low: 2))
  var reader = ByteReader(bytes)
  while let length = reader.integer(UInt16.self), let payload = reader.bytes(Int(length)) {
    let hash = Hash128(of: payload, seed: UInt64(journal.count))
    journal.append(littleEndian: UInt32(length))
    journal += hash.bytes + payload
  }
  return journal
}

private let directories = Confined(directory())

private func directory() -> MemoryDirectory {
  let directory = MemoryDirectory([".sluice"])
  var manifest = Manifest()
  manifest.add(note: "merge.units", "10")
  manifest.add(note: "merge.bytes", "4096")
  manifest.json.withUnsafeBytes { directory.fill(".sluice/manifest.json", $0) }
  return directory
}
