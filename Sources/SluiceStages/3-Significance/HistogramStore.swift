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
      var exact = 8
      var bin = 8 + exactCount * 8
      // SAFETY: the buffer has room for 8 bytes of counts, 8 for each exact entry, 16 for each bin.
      unsafe buffer.store(UInt32(exactCount), at: 0)
      unsafe buffer.store(UInt32(entries.count - exactCount), at: 4)
      for entry in entries {
        if entry.span == 1 {
          unsafe buffer.store(entry.bits, at: exact)
          unsafe buffer.store(UInt32(entry.count), at: exact + 4)
          exact += 8
        } else {
          unsafe buffer.store(entry.bits, at: bin)
          unsafe buffer.store(UInt32(entry.count), at: bin + 4)
          unsafe buffer.store(entry.offsetSum, at: bin + 8)
          bin += 16
        }
      }
      initializedCount = byteCount
    }
  }

  /// Reads a record; nil if its length is not what its first numbers say, or it is no histogram.
  package init?(encoded record: [UInt8]) {
    guard record.count >= 8 else { return nil }
    let exactCount = Int(record.integer(at: 0, as: UInt32.self))
    let binCount = Int(record.integer(at: 4, as: UInt32.self))
    guard record.count == 8 + exactCount * 8 + binCount * 16 else { return nil }
    var exact: [Entry] = []
    exact.reserveCapacity(exactCount + binCount)
    for index in 0..<exactCount {
      exact.append(
        Entry(
          bits: record.integer(at: 8 + index * 8, as: UInt32.self),
          count: UInt64(record.integer(at: 12 + index * 8, as: UInt32.self))))
    }
    let bins = 8 + exactCount * 8
    for index in 0..<binCount {
      exact.append(
        Entry(
          bits: record.integer(at: bins + index * 16, as: UInt32.self),
          span: MagnitudeHistogram.binWidth,
          count: UInt64(record.integer(at: bins + 4 + index * 16, as: UInt32.self)),
          offsetSum: record.integer(at: bins + 8 + index * 16, as: UInt64.self)))
    }
    if binCount > 0, exactCount > 0 { exact.sort { $0.bits < $1.bits } }
    self.init(read: exact)
  }
}

extension UnsafeMutableBufferPointer<UInt8> {
  fileprivate func store<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    // SAFETY: the range is checked in debug builds; the caller keeps inside.
    unsafe UnsafeMutableRawBufferPointer(self).storeBytes(
      of: value.littleEndian, toByteOffset: offset, as: T.self)
  }
}

extension [UInt8] {
  fileprivate func integer<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: T.Type) -> T
  {
    precondition(offset + MemoryLayout<T>.size <= count)
    return unsafe withUnsafeBytes {
      unsafe T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
  }
}
