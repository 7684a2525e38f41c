internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import Synchronization

/// What an attempt to do a run has cost.
struct RunCosts: Sendable, Hashable {
  var seconds = 0.0
  var bytesRead = 0
  var bytesWritten = 0

  static func + (left: RunCosts, right: RunCosts) -> RunCosts {
    RunCosts(
      seconds: left.seconds + right.seconds,
      bytesRead: left.bytesRead.addingUpToLimit(right.bytesRead),
      bytesWritten: left.bytesWritten.addingUpToLimit(right.bytesWritten))
  }

  /// The body of a record of kind `attempt`.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: seconds.bitPattern)
    bytes.append(count: bytesRead)
    bytes.append(count: bytesWritten)
    return bytes
  }

  init(seconds: Double = 0, bytesRead: Int = 0, bytesWritten: Int = 0) {
    self.seconds = seconds
    self.bytesRead = bytesRead
    self.bytesWritten = bytesWritten
  }

  init?(encoded bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    guard let bits = reader.integer(UInt64.self), let read = reader.count(),
      let written = reader.count()
    else { return nil }
    let seconds = Double(bitPattern: bits)
    // A journal of a run that took longer than a million years is damaged.
    guard seconds >= 0, seconds < 1e14 else { return nil }
    self.init(seconds: seconds, bytesRead: read, bytesWritten: written)
  }
}

/// Counts what the present attempt costs, from any thread.
final class CostMeter: Sendable {
  private let start: MonotonicTime
  private let read = Atomic<Int>(0)
  private let written = Atomic<Int>(0)

  init(start: MonotonicTime = .now) { self.start = start }

  func countRead(_ byteCount: Int) { read.wrappingAdd(byteCount, ordering: .relaxed) }

  func countWritten(_ byteCount: Int) { written.wrappingAdd(byteCount, ordering: .relaxed) }

  var costs: RunCosts {
    RunCosts(
      seconds: MonotonicTime.now.seconds(since: start), bytesRead: read.load(ordering: .relaxed),
      bytesWritten: written.load(ordering: .relaxed))
  }
}
