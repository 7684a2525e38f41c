internal import SluiceFormats

extension StripRecords {
  /// Records of small tensors, gathered so that they are written at once.
  ///
  /// Writing takes a while of its own for each call, and most of a page is written for a record that is
  /// shorter than one.
  package struct Batch {
    /// From how many bytes on it is worth writing.
    package static let fullByteCount = 1 << 16

    /// Where a record lies among the bytes.
    struct Place {
      let strip: Int
      let model: Int
      let offset: Int
      let byteCount: Int
      let hash: Hash128
    }

    private(set) var bytes: [UInt8] = []
    private(set) var places: [Place] = []

    /// Makes a batch without records.
    package init() {}

    /// Whether there is no record.
    package var isEmpty: Bool { places.isEmpty }
    /// Whether there is so much that it should be written.
    package var isFull: Bool { bytes.count >= Batch.fullByteCount }

    /// Adds a record.
    ///
    /// - Parameters:
    ///   - record: The bytes.
    ///   - strip: The ordinal of the strip in the run.
    ///   - model: The position of the model.
    package mutating func add(_ record: UnsafeRawBufferPointer, strip: Int, model: Int) {
      places.append(
        Place(
          strip: strip, model: model, offset: bytes.count, byteCount: record.count,
          hash: unsafe Hash128(of: record)))
      unsafe bytes.append(contentsOf: record)
    }

    /// Forgets all records.
    package mutating func removeAll() {
      // What a large tensor needed is not kept for small ones.
      bytes.removeAll(keepingCapacity: bytes.count < 2 * Batch.fullByteCount)
      places.removeAll(keepingCapacity: true)
    }
  }
}
