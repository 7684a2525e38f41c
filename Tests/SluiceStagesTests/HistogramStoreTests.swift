import SluiceFormats
import SluiceKernels
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("The file of histograms")
struct HistogramStoreTests {
  @Test("histograms come back as they were put, the last of a place wins") func roundTrip() throws {
    let directory = try ScratchDirectory()
    let store = HistogramStore(
      try WorkFile.create(at: directory("histograms")), stripCount: 3, modelCount: 2)
    let exact = MagnitudeHistogram([.init(bits: 0, count: 7), .init(bits: 0x3f80_0000, count: 2)])
    let binned = MagnitudeHistogram([
      .init(bits: 0, count: 1),
      .init(bits: 0x3f80_0000, span: MagnitudeHistogram.binWidth, count: 5, offsetSum: 1234),
      .init(bits: 0x4000_0000, count: 3),
    ])
    try store.put(exact, strip: 2, model: 1)
    try store.put(exact, strip: 0, model: 0)
    try store.put(binned, strip: 0, model: 0)
    #expect(try store.histogram(strip: 2, model: 1) == exact)
    #expect(try store.histogram(strip: 0, model: 0) == binned)
    #expect(try store.histogram(strip: 1, model: 0) == MagnitudeHistogram([]))
    #expect(store.records.byteCount > 0)
  }

  @Test("every prefix and change of a record is refused, or another histogram")
  func damage() throws {
    let histogram = MagnitudeHistogram([
      .init(bits: 0, count: 1), .init(bits: 1, count: 127), .init(bits: 0x7fff, count: 128),
      .init(bits: 0x8000, count: 1 << 33),
      .init(bits: 0x3f80_0000, span: MagnitudeHistogram.binWidth, count: 5, offsetSum: 1 << 16),
      .init(bits: 0x7f7f_ffff, count: 1 << 40),
    ])
    let record = histogram.encoded()
    #expect(MagnitudeHistogram(encoded: record) == histogram)
    for count in record.indices {
      #expect(MagnitudeHistogram(encoded: Array(record[..<count])) == nil)
    }
    #expect(MagnitudeHistogram(encoded: record + [0]) == nil)
    for place in record.indices {
      for bit in 0..<8 {
        var other = record
        other[place] ^= 1 << bit
        #expect(MagnitudeHistogram(encoded: other) != histogram, "\(place) \(bit)")
      }
    }
  }

  @Test("records of any number of runs come back", arguments: 0..<40, [false, true])
  func anyRuns(count: Int, hasBins: Bool) {
    var random = RepeatableGenerator(seed: UInt64(count))
    var entries: [MagnitudeHistogram.Entry] = []
    var upper: UInt32 = 0
    for _ in 0..<count {
      let steps: [UInt32] = [1, 1, 62, 63, 64, 300]
      upper += steps.randomElement(using: &random) ?? 1
      let numbers: [UInt64] = [1, 7, 254, 255, 256, 1 << 40]
      let elements = numbers.randomElement(using: &random) ?? 1
      if hasBins, Bool.random(using: &random) {
        entries.append(
          .init(
            bits: upper << 15, span: MagnitudeHistogram.binWidth, count: elements,
            offsetSum: .random(in: 0...elements * 0x7fff, using: &random)))
      } else {
        // Also several magnitudes of the same upper bits.
        let lows: [UInt32] = [0, 1, 0x7f00, 0x7ffe]
        let low = lows.randomElement(using: &random) ?? 0
        entries.append(.init(bits: upper << 15 | low, count: elements))
        if low > 0 { entries.append(.init(bits: upper << 15 | (low + 1), count: 1)) }
      }
    }
    let histogram = MagnitudeHistogram(entries)
    #expect(histogram.entries == entries)
    let record = histogram.encoded()
    #expect(MagnitudeHistogram(encoded: record) == histogram)
    // Whether it fits there or not.
    for room in [1, 1 << 12] {
      histogram.withRecord(in: AlignedBuffer(count: room, fill: 0xff)) {
        #expect(Array($0) == record)
      }
    }
    record.withUnsafeBytes { bytes in
      let record = HistogramRecord(bytes, elementCount: histogram.elementCount)
      #expect((record == nil) == histogram.hasBins)
      guard let record else { return }
      for rate in [-1, 0, 0.001, 0.3, 0.5, 0.9, 0.999, 1, 2] {
        let cut = try? histogram.cut(rate: rate, tieBreak: .spread)
        #expect((try? record.cut(rate: rate, tieBreak: .spread)) == cut, "\(rate)")
      }
      #expect(throws: MagnitudeHistogram.Unresolved.self) {
        try record.equals(ofLargest: histogram.elementCount + 1)
      }
    }
  }

  @Test("records are looked at in windows, wherever they lie", arguments: [1, 700, 90_000])
  func windows(length: Int) throws {
    let directory = try ScratchDirectory()
    let records = StripRecords(
      try WorkFile.create(at: directory("records")), stripCount: 40, modelCount: 1)
    func record(_ strip: Int) -> [UInt8] {
      Array(repeating: UInt8(strip), count: length + strip * strip % 7)
    }
    for strip in stride(from: 0, to: 40, by: 2) {
      try records.put(record(strip), strip: strip, model: 0)
    }
    let window = StripRecords.Window(records)
    for strip in Array(0..<40) + [38, 0, 20, 18, 22] {
      let found = try window.withRecord(strip: strip, model: 0) { Array($0) }
      #expect(found == (strip.isMultiple(of: 2) ? record(strip) : nil))
    }
    try records.file.write([0x55], at: records.byteCount / 2)
    #expect(throws: StageError.self) {
      let window = StripRecords.Window(records)
      for strip in 0..<40 { _ = try window.withRecord(strip: strip, model: 0) { _ in } }
    }
  }

  @Test("records of a batch come back as if each had been put by itself") func batch() throws {
    let directory = try ScratchDirectory()
    let store = HistogramStore(
      try WorkFile.create(at: directory("histograms")), stripCount: 3, modelCount: 2)
    func histogram(_ count: UInt64) -> MagnitudeHistogram {
      MagnitudeHistogram([.init(bits: 0x3f80_0000, count: count)])
    }
    try store.put(histogram(1), strip: 1, model: 0)
    var batch = StripRecords.Batch()
    for (strip, model) in [(2, 0), (2, 1), (1, 0)] {
      histogram(UInt64(10 * strip + model)).encoded().withUnsafeBytes {
        batch.add($0, strip: strip, model: model)
      }
    }
    try store.put(batch)
    batch.removeAll()
    #expect(batch.isEmpty)
    try store.put(batch)
    try store.put(histogram(3), strip: 0, model: 1)
    for (strip, model, count) in [(0, 1, 3), (1, 0, 10), (2, 0, 20), (2, 1, 21)] {
      #expect(try store.histogram(strip: strip, model: model) == histogram(UInt64(count)))
    }
  }

  @Test("records are there before they are in the file, and those of an earlier run stay")
  func earlierRecords() throws {
    let directory = try ScratchDirectory()
    let path = directory("records")
    func record(_ strip: Int) -> [UInt8] { Array(repeating: UInt8(strip), count: 30_000 * strip) }
    let first = StripRecords(try WorkFile.create(at: path), stripCount: 6, modelCount: 1)
    for strip in 1..<4 { try first.put(record(strip), strip: strip, model: 0) }
    #expect(try first.record(strip: 3, model: 0) == record(3))
    // Room in between is somebody else's.
    let room = try #require(try first.allocate(5000, alignment: 4096))
    #expect(room.isMultiple(of: 4096))
    try first.file.write(Array(repeating: 9, count: 5000), at: room)
    try first.put(record(0), strip: 0, model: 0)
    try first.put(record(4), strip: 4, model: 0)
    try first.file.sync()
    #expect(try first.file.byteCount() == first.byteCount)
    let file = try #require(try WorkFile.open(at: path))
    let second = StripRecords(file, stripCount: 6, modelCount: 1)
    for strip in 0..<5 { second.restore(first.slots(strip: strip), strip: strip) }
    try second.put(record(5), strip: 5, model: 0)
    for strip in 0..<6 { #expect(try second.record(strip: strip, model: 0) == record(strip)) }
    #expect(try file.bytes(in: room..<room + 5000) == Array(repeating: 9, count: 5000))
  }
}
