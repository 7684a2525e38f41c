import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

@Suite("The journal")
struct JournalTests {
  private static let manifest = Hash128(high: 1, low: 2)

  /// Records of all shapes, and the bytes of a journal that holds them.
  private static func sample() -> (records: [JournalRecord], bytes: [UInt8], ends: [Int]) {
    var generator = RepeatableGenerator(seed: 3)
    var bytes = JournalFormat.header(manifest: manifest)
    var (records, ends): ([JournalRecord], [Int]) = ([], [bytes.count])
    for ordinal in 0..<12 {
      let kind = [UnitKind.survey, .merge, .attempt, UnitKind(rawValue: "search é")][ordinal % 4]
      let body = (0..<[0, 1, 16, 33][ordinal / 3]).map { _ in
        UInt8.random(in: 0...255, using: &generator)
      }
      let record = JournalRecord(UnitKey(kind, ordinal), workByteCount: ordinal << 33, body: body)
      bytes += JournalFormat.encode(record, at: bytes.count)
      records.append(record)
      ends.append(bytes.count)
    }
    return (records, bytes, ends)
  }

  private static func read(_ bytes: [UInt8]) throws -> (records: [JournalRecord], end: Int) {
    var reader = try JournalReader(byteCount: bytes.count) { Array(bytes[$0]) }
    var records: [JournalRecord] = []
    while let record = try reader.next() { records.append(record) }
    return (records, reader.validByteCount)
  }

  @Test("cut at any byte gives the records that were whole")
  func cuts() throws {
    let (records, bytes, ends) = JournalTests.sample()
    for length in 0...bytes.count {
      let (found, end) = try JournalTests.read(Array(bytes[..<length]))
      let whole = ends.filter { $0 <= length }.count - 1
      #expect(found == Array(records.prefix(max(whole, 0))), "cut at \(length)")
      #expect(end == (whole < 0 ? 0 : ends[whole]))
    }
  }

  @Test("any changed byte ends the journal before it, and never adds anything")
  func changes() throws {
    let (records, bytes, ends) = JournalTests.sample()
    for position in JournalFormat.headerByteCount..<bytes.count {
      var changed = bytes
      changed[position] ^= 1 << (position % 8)
      let (found, _) = try JournalTests.read(changed)
      let whole = ends.filter { $0 <= position }.count - 1
      #expect(found == Array(records.prefix(whole)), "byte \(position)")
    }
  }

  @Test("a record at another place is none")
  func moved() throws {
    let (records, bytes, ends) = JournalTests.sample()
    let copied = bytes[..<ends[1]] + bytes[ends[0]..<ends[1]]
    #expect(try JournalTests.read(Array(copied)).records == Array(records.prefix(1)))
  }

  @Test("other files are not taken for journals")
  func headers() throws {
    let header = JournalFormat.header(manifest: JournalTests.manifest)
    func kind(_ bytes: [UInt8]) throws -> JournalReader.Header {
      try JournalReader(byteCount: bytes.count) { Array(bytes[$0]) }.header
    }
    #expect(try kind(header) == .valid(manifest: JournalTests.manifest))
    #expect(try kind(Array(header.dropLast())) == .missing)
    for position in 0..<16 {
      var other = header
      other[position] += 1
      #expect(try kind(other) == .foreign)
    }
  }

  /// Data whose sync can be seen and can fail.
  private final class Data: DurableData {
    let calls = Monitor<[Int]>([])
    let file: WorkFile
    let error: FormatError?

    init(_ file: WorkFile, failing error: FormatError? = nil) {
      self.file = file
      self.error = error
    }

    func sync() throws(FormatError) {
      if let error { throw error }
      let length = try file.byteCount()
      calls.withLock { $0.append(length) }
    }
  }

  @Test("has its name only once its header is on the disk")
  func name() throws {
    let scratch = try ScratchDirectory()
    let disk = FailingDisk(under: scratch.path)
    _ = try Journal.createFile(at: scratch("journal"), manifest: JournalTests.manifest)
    disk.end()
    let calls = disk.calls.filter { $0.path != scratch.path }
    let named = calls.filter { $0.path == scratch("journal") }
    #expect(named.map(\.kind) == [.rename])
    #expect(calls.map(\.kind).suffix(3) == [.write, .sync, .rename])
    #expect(try Directory.list(scratch.path).map(\.name) == ["journal"])
  }

  @Test("records follow their data, in groups, and what is committed is in the file")
  func groups() throws {
    let scratch = try ScratchDirectory()
    let file = try Journal.createFile(at: scratch("journal"), manifest: JournalTests.manifest)
    let data = Data(file)
    var pace = JournalPace()
    pace.interval = .seconds(3600)
    let journal = try Journal(file, pace: pace, cancellation: Cancellation()) {
      JournalRecord(UnitKey(.attempt, 0))
    }
    let records = (0..<5).map { JournalRecord(UnitKey(.merge, $0)) }
    for record in records[..<3] { journal.finished(record, in: data) }
    #expect(try file.byteCount() == JournalFormat.headerByteCount)
    try journal.commit()
    // One wait for the data of three units, before any record was there.
    #expect(data.calls.withLock { $0 } == [JournalFormat.headerByteCount])
    for record in records[3...] { journal.finished(record) }
    try journal.close()
    var reader = try JournalReader(file)
    var found: [UnitKey] = []
    while let record = try reader.next() { found.append(record.key) }
    let expected =
      records[..<3].map(\.key) + [UnitKey(.attempt, 0)] + records[3...].map(\.key)
      + [UnitKey(.attempt, 0)]
    #expect(found == expected)
  }

  @Test("much work, or many records, are committed before the interval is over", arguments: [1, 3])
  func limits(recordCount: Int) throws {
    let scratch = try ScratchDirectory()
    let file = try Journal.createFile(at: scratch("journal"), manifest: JournalTests.manifest)
    let data = Data(file)
    var pace = JournalPace()
    pace.interval = .seconds(3600)
    pace.workByteLimit = recordCount == 1 ? 100 : .max
    pace.recordLimit = 3
    let journal = try Journal(file, pace: pace, cancellation: Cancellation())
    for unit in 0..<recordCount {
      journal.finished(JournalRecord(UnitKey(.merge, unit), workByteCount: 100), in: data)
    }
    let isSynced: Bool? = data.calls.wait(before: .now.advanced(by: .seconds(20))) {
      $0.isEmpty ? nil : true
    }
    #expect(isSynced == true)
    try journal.close()
  }

  @Test("data that cannot be made safe is never recorded, and ends the run")
  func failingData() throws {
    let scratch = try ScratchDirectory()
    let file = try Journal.createFile(at: scratch("journal"), manifest: JournalTests.manifest)
    let failure = FormatError(Failure(.inputOutput, message: "the disk is gone"))
    let cancellation = Cancellation()
    let journal = try Journal(file, cancellation: cancellation)
    journal.finished(JournalRecord(UnitKey(.merge, 0)), in: Data(file, failing: failure))
    #expect(throws: failure) { try journal.commit() }
    #expect(throws: failure) { try journal.close() }
    #expect(cancellation.isCancelled)
    #expect(try file.byteCount() == JournalFormat.headerByteCount)
  }
}
