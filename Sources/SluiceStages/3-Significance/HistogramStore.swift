package import SluiceFormats
package import SluiceKernels

/// The histograms that pass 1 leaves, one for each strip and model, in a file: they are looked up a few
/// at a time, so what they take of memory does not grow with the model.
///
/// A record is the number of exact runs and of bins (two UInt32), then for each exact run its bits
/// and number (two UInt32), then for each bin its bits and number (two UInt32) and its offset sum
/// (UInt64), all little-endian.
package struct HistogramStore: Sendable {
  /// The records.
  package let records: StripRecords

  /// Makes a store in a file.
  ///
  /// - Parameters:
  ///   - file: The file: empty, or with the records that `restore` is going to tell of.
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  package init(_ file: WorkFile, stripCount: Int, modelCount: Int) {
    records = StripRecords(file, stripCount: stripCount, modelCount: modelCount)
  }

  /// Keeps a histogram, in place of an earlier one of the same strip and model.
  package func put(_ histogram: MagnitudeHistogram, strip: Int, model: Int) throws(FormatError) {
    try records.put(histogram.encoded(), strip: strip, model: model)
  }

  /// Looks a histogram up.
  ///
  /// - Parameters:
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Returns: The histogram; empty if none was kept.
  /// - Throws: `FormatError` if it cannot be read, `StageError` if it is not what was written.
  package func histogram(strip: Int, model: Int) throws -> MagnitudeHistogram {
    guard let record = try records.record(strip: strip, model: model) else {
      return MagnitudeHistogram([])
    }
    guard let histogram = MagnitudeHistogram(encoded: record) else {
      throw records.damage(strip: strip, model: model)
    }
    return histogram
  }

  /// Looks the histograms of several strips up as one.
  package func histogram(strips: Range<Int>, model: Int) throws -> MagnitudeHistogram {
    var whole = MagnitudeHistogram([])
    for strip in strips { whole.merge(try histogram(strip: strip, model: model)) }
    return whole
  }
}

extension MagnitudeHistogram {
  /// The record of the histogram.
  ///
  /// - Returns: The bytes.
  package func encoded() -> [UInt8] {
    let exactCount = entries.count { $0.span == 1 }
    let byteCount = 8 + exactCount * 8 + (entries.count - exactCount) * 16
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      var exact = 8
      var bin = 8 + exactCount * 8
      // SAFETY: the buffer has room for 8 bytes of counts, 8 for each exact entry, 16 for each bin.
      unsafe LittleEndian.store(UInt32(exactCount), bytes, at: 0)
      unsafe LittleEndian.store(UInt32(entries.count - exactCount), bytes, at: 4)
      for entry in entries {
        if entry.span == 1 {
          unsafe LittleEndian.store(entry.bits, bytes, at: exact)
          unsafe LittleEndian.store(UInt32(entry.count), bytes, at: exact + 4)
          exact += 8
        } else {
          unsafe LittleEndian.store(entry.bits, bytes, at: bin)
          unsafe LittleEndian.store(UInt32(entry.count), bytes, at: bin + 4)
          unsafe LittleEndian.store(UInt32(truncatingIfNeeded: entry.offsetSum), bytes, at: bin + 8)
          unsafe LittleEndian.store(UInt32(entry.offsetSum >> 32), bytes, at: bin + 12)
          bin += 16
        }
      }
      initializedCount = byteCount
    }
  }

  /// Reads a record; nil if its length is not what its first numbers say, or it is no histogram.
  package init?(encoded record: [UInt8]) {
    guard record.count >= 8 else { return nil }
    // SAFETY: the bytes are used inside the closure only.
    let entries = unsafe record.withUnsafeBytes { unsafe MagnitudeHistogram.entries(of: $0) }
    guard let entries else { return nil }
    self.init(read: entries)
  }

  private static func entries(of record: UnsafeRawBufferPointer) -> [Entry]? {
    let exactCount = Int(unsafe LittleEndian.load(record, at: 0))
    let binCount = Int(unsafe LittleEndian.load(record, at: 4))
    guard record.count == 8 + exactCount * 8 + binCount * 16 else { return nil }
    var exact: [Entry] = []
    exact.reserveCapacity(exactCount + binCount)
    for index in 0..<exactCount {
      exact.append(
        Entry(
          bits: unsafe LittleEndian.load(record, at: 8 + index * 8),
          count: UInt64(unsafe LittleEndian.load(record, at: 12 + index * 8))))
    }
    let bins = 8 + exactCount * 8
    for bin in stride(from: bins, to: record.count, by: 16) {
      let low = unsafe LittleEndian.load(record, at: bin + 8)
      let high = unsafe LittleEndian.load(record, at: bin + 12)
      exact.append(
        Entry(
          bits: unsafe LittleEndian.load(record, at: bin),
          span: MagnitudeHistogram.binWidth,
          count: UInt64(unsafe LittleEndian.load(record, at: bin + 4)),
          offsetSum: UInt64(high) << 32 | UInt64(low)))
    }
    if binCount > 0, exactCount > 0 { exact.sort { $0.bits < $1.bits } }
    return exact
  }
}
