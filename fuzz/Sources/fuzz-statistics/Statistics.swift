import FuzzSupport
import SluiceFormats
import SluiceKernels
import SluiceStages

/// The spectra in the file of a run's statistics.
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
    let store = SpectrumStore(file, stripCount: 1, modelCount: 2)
    store.records.restore(
      [0..<split, split..<data.count].map { range in
        StripRecords.Slot(
          offset: range.lowerBound, byteCount: range.count, hash: Hash128(of: Array(data[range])))
      }, strip: 0)
    var spectrum = try store.spectrum(strip: 0, model: 0)
    ask(spectrum)
    let other = try store.spectrum(strip: 0, model: 1)
    let total = spectrum.elementCount + other.elementCount
    spectrum.merge(other)
    precondition(spectrum.elementCount == total)
    ask(spectrum)
  }
}

private func ask(_ spectrum: Spectrum) {
  var last: UInt32?
  for entry in spectrum.entries {
    precondition(entry.count > 0 && entry.span > 0 && last.map { $0 < entry.bits } ?? true)
    last = entry.lastBits
  }
  precondition(spectrum.sum >= 0)
  _ = try? spectrum.zeroCount()
  for entry in spectrum.entries.prefix(3) + spectrum.entries.suffix(3) {
    _ = try? spectrum.sum(above: Double(Float(bitPattern: entry.bits)))
    guard let count = try? spectrum.count(of: entry.bits) else { continue }
    precondition(count == Int(entry.count))
  }
  for rate in [0, 0.1, 0.5, 0.9, 1] {
    guard let cut = try? spectrum.cut(rate: rate, tieBreak: .spread) else { continue }
    precondition(cut.kept >= 0 && cut.kept <= spectrum.elementCount)
  }
}

/// libFuzzer calls from one thread.
private struct Confined: @unchecked Sendable {
  let value: WorkFile

  init() {
    let directory = MemoryDirectory()
    guard let file = try? WorkFile.create(at: "\(directory.path)/statistics") else {
      fatalError("no file in memory")
    }
    value = file
  }
}
private let files = Confined()
