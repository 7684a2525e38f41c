import FuzzSupport
@testable import SluiceFormats
@testable import SluiceKernels
@testable import SluiceStages

/// The histograms in the file of a run's statistics.
///
/// What can be read answers every question that the second pass asks.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStatistics(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let first = bytes.first else { return }
    let data = Array(bytes.dropFirst())
    let split = data.count * Int(first) / 256
    let file = files.value
    try file.truncate(to: 0)
    try file.write(data, at: 0)
    let store = HistogramStore(file, stripCount: 1, modelCount: 2)
    store.records.restore(
      [0..<split, split..<data.count].map { range in
        StripRecords.Slot(
          offset: range.lowerBound, byteCount: range.count, hash: Hash128(of: Array(data[range])))
      }, strip: 0)
    try askRecord(of: store, elementCount: 1000, as: nil)
    var histogram = try store.histogram(strip: 0, model: 0)
    ask(histogram)
    try askRecord(of: store, elementCount: histogram.elementCount, as: histogram)
    let other = try store.histogram(strip: 0, model: 1)
    let total = histogram.elementCount + other.elementCount
    histogram.merge(other)
    precondition(histogram.elementCount == total)
    ask(histogram)
  }
}

private func ask(_ histogram: MagnitudeHistogram) {
  var last: UInt32?
  for entry in histogram.entries {
    precondition(entry.count > 0 && entry.span > 0 && last.map { $0 < entry.bits } ?? true)
    last = entry.lastBits
  }
  precondition(histogram.sum >= 0)
  _ = try? histogram.zeroCount()
  for entry in histogram.entries.prefix(3) + histogram.entries.suffix(3) {
    _ = try? histogram.sum(above: Double(Float(bitPattern: entry.bits)))
    guard let count = try? histogram.count(of: entry.bits) else { continue }
    precondition(count == Int(entry.count))
  }
  for rate in [0, 0.1, 0.5, 0.9, 1] {
    guard let cut = try? histogram.cut(rate: rate, tieBreak: .spread) else { continue }
    precondition(cut.kept >= 0 && cut.kept <= histogram.elementCount)
  }
}

/// Asks a record where it is cut; as its histogram, if it has one.
private func askRecord(
  of store: HistogramStore, elementCount: Int, as histogram: MagnitudeHistogram?
) throws {
  _ = try StripRecords.Window(store.records).withRecord(strip: 0, model: 0) { bytes in
    guard let record = HistogramRecord(bytes, elementCount: elementCount) else { return }
    for rate in [0, 0.1, 0.5, 0.9, 1] {
      let cut = try? record.cut(rate: rate, tieBreak: .spread)
      guard let histogram else { continue }
      precondition(cut == (try? histogram.cut(rate: rate, tieBreak: .spread)))
    }
  }
}

private let files = Confined(file())

private func file() -> WorkFile {
  let directory = MemoryDirectory()
  guard let file = try? WorkFile.create(at: "\(directory.path)/statistics") else {
    fatalError("no file in memory")
  }
  return file
}
