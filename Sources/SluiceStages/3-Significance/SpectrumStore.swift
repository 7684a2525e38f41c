public import SluiceFormats
public import SluiceKernels
internal import Synchronization

/// The spectra that pass 1 leaves, one for each strip and model, in a file: they are looked up a few
/// at a time, so what they take of memory does not grow with the model.
///
/// A record is the number of exact runs and of bins (two UInt32), then for each exact run its bits
/// and number (two UInt32), then for each bin its bits and number (two UInt32) and its offset sum
/// (UInt64), all little-endian. Where records lie is not in the file: a journal keeps their slots.
public final class SpectrumStore: Sendable, DurableData {
  /// Where the record of a strip and model lies, and the XXH3-128 of its bytes.
  public struct Slot: Sendable, Hashable {
    /// The position of the first byte.
    public let offset: Int
    /// The number of bytes.
    public let byteCount: Int
    /// The hash of the bytes.
    public let hash: Hash128

    /// Describes a record.
    ///
    /// - Parameters:
    ///   - offset: The position of the first byte.
    ///   - byteCount: The number of bytes.
    ///   - hash: The hash of the bytes.
    public init(offset: Int, byteCount: Int, hash: Hash128) {
      self.offset = offset
      self.byteCount = byteCount
      self.hash = hash
    }
  }

  private struct State {
    var slots: [Slot?]
    var end = 0
  }

  private let file: WorkFile
  private let modelCount: Int
  private let state: Mutex<State>

  /// Makes a store in a file.
  ///
  /// - Parameters:
  ///   - file: The file: empty, or with the records that `restore` is going to tell of.
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  public init(_ file: WorkFile, stripCount: Int, modelCount: Int) {
    self.file = file
    self.modelCount = modelCount
    state = Mutex(State(slots: Array(repeating: nil, count: stripCount * modelCount)))
  }

  /// The bytes that the index of a store holds in memory.
  ///
  /// - Parameters:
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  public static func indexByteCount(stripCount: Int, modelCount: Int) -> Int {
    stripCount * modelCount * MemoryLayout<Slot?>.stride
  }

  /// Keeps a spectrum, in place of an earlier one of the same strip and model.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum.
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Throws: `FormatError` if it cannot be written.
  public func put(_ spectrum: Spectrum, strip: Int, model: Int) throws(FormatError) {
    let record = spectrum.encoded()
    let offset = state.withLock { state in
      defer { state.end += record.count }
      return state.end
    }
    try file.write(record, at: offset)
    let slot = Slot(offset: offset, byteCount: record.count, hash: Hash128(of: record))
    state.withLock { $0.slots[strip * modelCount + model] = slot }
  }

  /// Looks a spectrum up.
  ///
  /// - Parameters:
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Returns: The spectrum; empty if none was kept.
  /// - Throws: `FormatError` if it cannot be read, `StageError` if it is not what was written.
  public func spectrum(strip: Int, model: Int) throws -> Spectrum {
    guard let slot = slot(strip, model) else { return Spectrum([]) }
    let record = try file.bytes(in: slot.offset..<slot.offset + slot.byteCount)
    guard Hash128(of: record) == slot.hash, let spectrum = Spectrum(encoded: record) else {
      throw StageError.damagedStatistics(
        file.path, byteRange: slot.offset..<slot.offset + slot.byteCount)
    }
    return spectrum
  }

  /// Where the spectra of a strip lie, for a journal.
  ///
  /// - Parameter strip: The ordinal of the strip in the run.
  /// - Returns: One slot for each model; nil if not all models' spectra are there.
  public func slots(strip: Int) -> [Slot]? {
    let slots = state.withLock { $0.slots[strip * modelCount..<(strip + 1) * modelCount] }
    let known = slots.compactMap(\.self)
    return known.count == modelCount ? known : nil
  }

  /// Tells the store of the spectra of a strip that an earlier run wrote.
  ///
  /// - Parameters:
  ///   - slots: One slot for each model; nil forgets the strip.
  ///   - strip: The ordinal of the strip in the run.
  public func restore(_ slots: [Slot]?, strip: Int) {
    state.withLock { state in
      for model in 0..<modelCount {
        let slot = slots?[model]
        state.slots[strip * modelCount + model] = slot
        if let slot { state.end = max(state.end, slot.offset + slot.byteCount) }
      }
    }
  }

  /// Waits until every spectrum kept so far is on the disk.
  ///
  /// - Throws: `FormatError` if the disk reports an error.
  public func sync() throws(FormatError) { try file.sync() }

  /// The bytes written to the file.
  public var byteCount: Int { state.withLock { $0.end } }

  private func slot(_ strip: Int, _ model: Int) -> Slot? {
    state.withLock { $0.slots[strip * modelCount + model] }
  }
}

extension Spectrum {
  fileprivate func encoded() -> [UInt8] {
    let exact = entries.filter { $0.span == 1 }
    let bins = entries.filter { $0.span > 1 }
    var record: [UInt8] = []
    record.reserveCapacity(8 + exact.count * 8 + bins.count * 16)
    record.append(UInt32(exact.count))
    record.append(UInt32(bins.count))
    for entry in exact {
      record.append(entry.bits)
      record.append(UInt32(entry.count))
    }
    for entry in bins {
      record.append(entry.bits)
      record.append(UInt32(entry.count))
      record.append(entry.offsetSum)
    }
    return record
  }

  /// Reads a record; nil if its length is not what its first numbers say, or it is no spectrum.
  fileprivate init?(encoded record: [UInt8]) {
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
          bits: record.integer(at: bins + index * 16, as: UInt32.self), span: Spectrum.binWidth,
          count: UInt64(record.integer(at: bins + 4 + index * 16, as: UInt32.self)),
          offsetSum: record.integer(at: bins + 8 + index * 16, as: UInt64.self)))
    }
    if binCount > 0, exactCount > 0 { exact.sort { $0.bits < $1.bits } }
    self.init(read: exact)
  }
}

extension [UInt8] {
  fileprivate mutating func append<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
    unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
  }

  fileprivate func integer<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as: T.Type) -> T
  {
    precondition(offset + MemoryLayout<T>.size <= count)
    return unsafe withUnsafeBytes {
      unsafe T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
  }
}
