internal import SluiceFormats

extension StripRecords {
  /// Looks records up that mostly lie near each other, for one thread: with one are read those around it.
  package final class Window {
    private static let byteCount = 1 << 18
    /// What a window begins at a multiple of, so that it holds some of what lies before a record.
    private static let step = 1 << 16

    private let records: StripRecords
    private var bytes: [UInt8] = []
    /// Which bytes of the file are there.
    private var range = 0..<0

    /// Makes a window that nothing was read into.
    package init(_ records: StripRecords) { self.records = records }

    /// Looks a record up, and at it while it is in the window.
    ///
    /// - Parameters:
    ///   - strip: The ordinal of the strip in the run.
    ///   - model: The position of the model.
    ///   - body: Gets the bytes.
    /// - Returns: What it makes of them; nil if none were kept.
    /// - Throws: `FormatError` if they cannot be read, `StageError` if they are not what was written.
    package func withRecord<Result>(
      strip: Int, model: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result? {
      guard let slot = records.slot(strip, model) else { return nil }
      let own = slot.offset..<slot.offset + slot.byteCount
      if own.lowerBound < range.lowerBound || own.upperBound > range.upperBound { try read(own) }
      // SAFETY: the window holds the record.
      return try unsafe bytes.withUnsafeBytes { bytes in
        let place = own.lowerBound - range.lowerBound
        let record = unsafe UnsafeRawBufferPointer(rebasing: bytes[place..<place + own.count])
        guard unsafe Hash128(of: record) == slot.hash else {
          throw records.damage(strip: strip, model: model)
        }
        return try unsafe body(record)
      }
    }

    /// Moves the window to where a record is.
    private func read(_ own: Range<Int>) throws {
      let start = own.lowerBound / Window.step * Window.step
      let end = max(own.upperBound, min(start + Window.byteCount, records.byteCount))
      if bytes.count < end - start {
        bytes = [UInt8](repeating: 0, count: max(end - start, Window.byteCount))
      }
      range = 0..<0
      // SAFETY: there is room for as many bytes.
      try unsafe bytes.withUnsafeMutableBytes { bytes in
        try unsafe records.file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(end - start)]), at: start)
      }
      range = start..<end
    }
  }
}
