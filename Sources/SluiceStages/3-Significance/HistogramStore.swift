package import SluiceFormats
package import SluiceKernels

/// The histograms that pass 1 leaves, one for each strip and model, in a file: they are looked up a few
/// at a time, so what they take of memory does not grow with the model.
///
/// What a record is `MagnitudeHistogram.encoded` says.
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

  /// Keeps the histograms of several strips, in place of earlier ones.
  package func put(_ batch: StripRecords.Batch) throws(FormatError) { try records.put(batch) }

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
