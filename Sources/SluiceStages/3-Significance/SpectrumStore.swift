internal import Glibc
internal import Synchronization
public import SluiceKernels

/// The spectra that pass 1 leaves, one for each strip and model, in a file: they are looked up a few
/// at a time, so what they take of memory does not grow with the model.
///
/// A record is the number of exact runs and of bins (two UInt32), then for each exact run its bits
/// and number (two UInt32), then for each bin its bits and number (two UInt32) and its offset sum
/// (UInt64), all little-endian.
public final class SpectrumStore: Sendable {
  private struct Slot {
    var offset = 0
    var byteCount = 0
  }

  private struct State {
    var slots: [Slot]
    var end = 0
  }

  private let path: String
  private let descriptor: Int32
  private let modelCount: Int
  private let state: Mutex<State>

  /// Creates the file, in place of an older one.
  ///
  /// - Parameters:
  ///   - path: Where.
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  /// - Throws: `StageError` if the file cannot be created.
  public init(path: String, stripCount: Int, modelCount: Int) throws(StageError) {
    self.path = path
    self.modelCount = modelCount
    state = Mutex(State(slots: Array(repeating: Slot(), count: stripCount * modelCount)))
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw .statisticsFile(path, "create", systemError: errno) }
  }

  deinit { _ = close(descriptor) }

  /// The bytes that the index of a store holds in memory.
  ///
  /// - Parameters:
  ///   - stripCount: The number of strips of the run.
  ///   - modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  public static func indexByteCount(stripCount: Int, modelCount: Int) -> Int {
    stripCount * modelCount * MemoryLayout<Slot>.stride
  }

  /// Keeps a spectrum, in place of an earlier one of the same strip and model.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum.
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Throws: `StageError` if it cannot be written.
  public func put(_ spectrum: Spectrum, strip: Int, model: Int) throws(StageError) {
    let record = spectrum.encoded()
    let offset = state.withLock { state in
      defer { state.end += record.count }
      return state.end
    }
    var done = 0
    while done < record.count {
      let count = unsafe record.withUnsafeBytes { bytes in
        unsafe pwrite(
          descriptor, bytes.baseAddress.map { unsafe $0 + done }, record.count - done,
          off_t(offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .statisticsFile(path, "write", systemError: errno) }
      done += count
    }
    state.withLock {
      $0.slots[strip * modelCount + model] = Slot(offset: offset, byteCount: record.count)
    }
  }

  /// Looks a spectrum up.
  ///
  /// - Parameters:
  ///   - strip: The ordinal of the strip in the run.
  ///   - model: The position of the model.
  /// - Returns: The spectrum; empty if none was kept.
  /// - Throws: `StageError` if it cannot be read.
  public func spectrum(strip: Int, model: Int) throws(StageError) -> Spectrum {
    let slot = state.withLock { $0.slots[strip * modelCount + model] }
    var record = [UInt8](repeating: 0, count: slot.byteCount)
    var done = 0
    while done < record.count {
      let count = unsafe record.withUnsafeMutableBytes { bytes in
        unsafe pread(
          descriptor, bytes.baseAddress.map { unsafe $0 + done }, slot.byteCount - done,
          off_t(slot.offset + done))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw .statisticsFile(path, "read back", systemError: count < 0 ? errno : EIO)
      }
      done += count
    }
    return Spectrum(encoded: record)
  }

  /// The bytes written to the file.
  public var byteCount: Int { state.withLock { $0.end } }
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

  fileprivate init(encoded record: [UInt8]) {
    guard record.count >= 8 else {
      self.init([])
      return
    }
    let exactCount = Int(record.integer(at: 0, as: UInt32.self))
    let binCount = Int(record.integer(at: 4, as: UInt32.self))
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
    self.init(exact)
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
