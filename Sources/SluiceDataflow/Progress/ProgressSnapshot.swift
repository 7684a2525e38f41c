/// How far a phase of a run has come.
public struct ProgressSnapshot: Sendable, Hashable {
  /// The name of the phase.
  public let phase: String
  /// The bytes done.
  public let doneBytes: Int
  /// The bytes to do in all; 0 if nobody knows.
  public let totalBytes: Int
  /// The time since the phase began.
  public let elapsedSeconds: Double
  /// The bytes per second of the last while; 0 before anything is known.
  public let bytesPerSecond: Double

  /// The part that is done, from 0 to 1, or nil if the total is not known.
  public var fraction: Double? {
    totalBytes > 0 ? min(1, Double(doneBytes) / Double(totalBytes)) : nil
  }

  /// The time that the rest takes at the present rate, or nil if it cannot be told.
  public var secondsLeft: Double? {
    guard totalBytes > 0 else { return nil }
    if doneBytes >= totalBytes { return 0 }
    return bytesPerSecond > 0 ? Double(totalBytes - doneBytes) / bytesPerSecond : nil
  }
}

/// What a ``ProgressReporter`` tells its sink.
public enum ProgressEvent: Sendable, Hashable {
  /// A phase began.
  case phaseStarted(ProgressSnapshot)
  /// Time has passed in a phase.
  case advanced(ProgressSnapshot)
  /// A phase is over; the snapshot is its last.
  case phaseFinished(ProgressSnapshot)
}
