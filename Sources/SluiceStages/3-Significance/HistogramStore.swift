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
    var words: [UInt32] = []
    words.reserveCapacity(2 + 2 * exactCount + 4 * (entries.count - exactCount))
    words += [UInt32(exactCount), UInt32(entries.count - exactCount)]
    for entry in entries where entry.span == 1 {
      words.append(entry.bits)
      words.append(UInt32(entry.count))
    }
    for entry in entries where entry.span != 1 {
      words.append(entry.bits)
      words.append(UInt32(entry.count))
      words.append(UInt32(truncatingIfNeeded: entry.offsetSum))
      words.append(UInt32(truncatingIfNeeded: entry.offsetSum >> 32))
    }
    return LittleEndian.bytes(of: words)
  }

  /// Reads a record; nil if its length is not what its first numbers say, or it is no histogram.
  package init?(encoded record: [UInt8]) {
    guard let words = LittleEndian.words(of: record), words.count >= 2 else { return nil }
    let (exactCount, binCount) = (Int(words[0]), Int(words[1]))
    guard words.count == 2 + 2 * exactCount + 4 * binCount else { return nil }
    var entries: [Entry] = []
    entries.reserveCapacity(exactCount + binCount)
    for word in stride(from: 2, to: 2 + 2 * exactCount, by: 2) {
      entries.append(Entry(bits: words[word], count: UInt64(words[word + 1])))
    }
    for word in stride(from: 2 + 2 * exactCount, to: words.count, by: 4) {
      entries.append(
        Entry(
          bits: words[word], span: MagnitudeHistogram.binWidth, count: UInt64(words[word + 1]),
          offsetSum: UInt64(words[word + 2]) | UInt64(words[word + 3]) << 32))
    }
    if binCount > 0, exactCount > 0 { entries.sort { $0.bits < $1.bits } }
    self.init(read: entries)
  }
}
