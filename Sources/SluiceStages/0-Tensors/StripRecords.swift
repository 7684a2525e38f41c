internal import SluiceCore
package import SluiceFormats
internal import Synchronization

/// A record for each strip and model, in a file that grows while a pass runs.
///
/// Where records lie is not in the file: a journal keeps their slots.
package final class StripRecords: Sendable {
  /// Where the record of a strip and model lies, and the XXH3-128 of its bytes.
  package struct Slot: Sendable, Hashable {
    /// The position of the first byte.
    package let offset: Int
    /// The number of bytes.
    package let byteCount: Int
    /// The hash of the bytes.
    package let hash: Hash128

    /// Describes a record.
    ///
    /// - Parameters:
    ///   - offset: The position of the first byte.
    ///   - byteCount: The number of bytes.
    ///   - hash: The hash of the bytes.
    package init(offset: Int, byteCount: Int, hash: Hash128) {
      self.offset = offset
      self.byteCount = byteCount
      self.hash = hash
    }
  }

  /// The file: who waits for it waits for all records kept so far.
  package let file: WorkFile
  private let modelCount: Int
  private let slots: Mutex<[Slot?]>

  /// Makes the records of a file.
  ///
  /// - Parameters:
  ///   - file: The file: empty, or with the records that `restore` is going to tell of.
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  package init(_ file: WorkFile, stripCount: Int, modelCount: Int) {
    self.file = file
    self.modelCount = modelCount
    slots = Mutex(Array(repeating: nil, count: stripCount * modelCount))
  }

  /// The bytes that the index of records and the end of the file hold in memory.
  ///
  /// - Parameters:
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  package static func indexByteCount(stripCount: Int, modelCount: Int) -> Int {
    stripCount * modelCount * MemoryLayout<Slot?>.stride + FileTail.byteLimit
  }

  /// Keeps a record, in place of an earlier one of the same strip and model.
  ///
  /// - Parameters:
  ///   - record: The bytes.
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Throws: `FormatError` if it cannot be written.
  package func put(_ record: [UInt8], strip: Int, model: Int) throws(FormatError) {
    let slot = Slot(
      offset: try file.append(record), byteCount: record.count, hash: Hash128(of: record))
    slots.withLock { $0[strip * modelCount + model] = slot }
  }

  /// Keeps records that lie one after the other, in place of earlier ones of the same strips and models.
  ///
  /// - Parameter batch: The records.
  /// - Throws: `FormatError` if they cannot be written.
  package func put(_ batch: Batch) throws(FormatError) {
    guard !batch.isEmpty else { return }
    let start = try file.append(batch.bytes)
    slots.withLock { slots in
      for place in batch.places {
        slots[place.strip * modelCount + place.model] = Slot(
          offset: start + place.offset, byteCount: place.byteCount, hash: place.hash)
      }
    }
  }

  /// Takes room at the end of the file for data that a record tells of.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes.
  ///   - alignment: What the position is a multiple of.
  ///   - limit: How long the file may become.
  /// - Returns: The position of the first, or nil if the file would become too long.
  /// - Throws: `FormatError` if records before it cannot be written.
  package func allocate(
    _ byteCount: Int, alignment: Int = 1, limit: Int = .max
  ) throws(FormatError) -> Int? {
    try file.allocate(byteCount, alignment: alignment, limit: limit)
  }

  /// Looks a record up.
  ///
  /// - Parameters:
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Returns: The bytes, or nil if none were kept.
  /// - Throws: `FormatError` if they cannot be read, `StageError` if they are not what was written.
  package func record(strip: Int, model: Int) throws -> [UInt8]? {
    guard let slot = slot(strip, model) else { return nil }
    let record = try file.bytes(in: slot.offset..<slot.offset + slot.byteCount)
    guard Hash128(of: record) == slot.hash else { throw damage(strip: strip, model: model) }
    return record
  }

  /// Whether there is a record of a strip and model.
  package func hasRecord(strip: Int, model: Int) -> Bool { slot(strip, model) != nil }

  /// The models of which there are records of a strip.
  package func models(withRecordsOf strip: Int) -> [Int] {
    slots.withLock { slots in
      (0..<modelCount).filter { slots[strip * modelCount + $0] != nil }
    }
  }

  /// Whether all models' records of a strip are there.
  package func isComplete(strip: Int) -> Bool {
    slots.withLock { slots in
      slots[strip * modelCount..<(strip + 1) * modelCount].allSatisfy { $0 != nil }
    }
  }

  /// What is wrong with a record that cannot be understood.
  func damage(strip: Int, model: Int) -> StageError {
    let slot = slot(strip, model)
    let start = slot?.offset ?? 0
    return .damagedRecords(file.path, byteRange: start..<start + (slot?.byteCount ?? 0))
  }

  /// Where the records of a strip lie, for a journal.
  ///
  /// - Parameter strip: The ordinal of the strip in the run.
  /// - Returns: One slot for each model; nil if not all models' records are there.
  package func slots(strip: Int) -> [Slot]? {
    slots.withLock { complete(strip, in: $0) }
  }

  /// Where the records of strips lie.
  ///
  /// - Parameter strips: The ordinals of the strips in the run.
  /// - Returns: Of each what `slots(strip:)` says.
  package func slots(strips: [Int]) -> [[Slot]?] {
    slots.withLock { slots in strips.map { complete($0, in: slots) } }
  }

  private func complete(_ strip: Int, in slots: [Slot?]) -> [Slot]? {
    let known = slots[strip * modelCount..<(strip + 1) * modelCount].compactMap(\.self)
    return known.count == modelCount ? known : nil
  }

  /// Tells of the records of a strip that an earlier run wrote.
  package func restore(_ slots: [Slot]?, strip: Int) {
    self.slots.withLock { all in
      for model in 0..<modelCount { all[strip * modelCount + model] = slots?[model] }
    }
    let known = (slots ?? []).map { $0.offset + $0.byteCount }.max() ?? 0
    file.keep(upTo: known)
  }

  /// The bytes of all records, and of what room was taken for.
  package var byteCount: Int { file.end }

  func slot(_ strip: Int, _ model: Int) -> Slot? {
    slots.withLock { $0[strip * modelCount + model] }
  }
}
