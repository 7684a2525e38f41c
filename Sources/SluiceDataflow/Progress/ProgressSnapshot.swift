/// How far a phase of a run has come.
package struct ProgressSnapshot: Sendable, Hashable {
  /// The name of the phase.
  package let phase: String
  /// Its number among the phases of the run, from 1.
  package var number = 1
  /// How many phases the run has.
  package var phaseCount = 1
  /// The bytes to do in the phases after this one.
  package var laterBytes = 0
  /// The bytes done.
  package let doneBytes: Int
  /// The bytes to do in all; 0 if nobody knows.
  package let totalBytes: Int
  /// The time since the phase began.
  package let elapsedSeconds: Double
  /// The bytes per second of the last while; 0 before anything is known.
  package let bytesPerSecond: Double

  /// The part that is done, from 0 to 1, or nil if the total is not known.
  package var fraction: Double? {
    totalBytes > 0 ? min(1, Double(doneBytes) / Double(totalBytes)) : nil
  }

  /// The time that the rest takes at the present rate, or nil if it cannot be told.
  package var secondsLeft: Double? {
    guard totalBytes > 0 else { return nil }
    if doneBytes >= totalBytes { return 0 }
    return bytesPerSecond > 0 ? Double(totalBytes - doneBytes) / bytesPerSecond : nil
  }

  /// The time that the rest of the run takes at the present rate, or nil if it cannot be told.
  package var secondsLeftInAll: Double? {
    guard let secondsLeft else { return nil }
    guard laterBytes > 0 else { return secondsLeft }
    // At the end of a phase, and before the first bytes of one, the rate may be unknown.
    return bytesPerSecond > 0 ? secondsLeft + Double(laterBytes) / bytesPerSecond : nil
  }
}

/// What a ``ProgressReporter`` tells its sink.
package enum ProgressEvent: Sendable, Hashable {
  /// A phase began.
  case phaseStarted(ProgressSnapshot)
  /// Time has passed in a phase.
  case advanced(ProgressSnapshot)
  /// A phase is over; the snapshot is its last.
  case phaseFinished(ProgressSnapshot)
}
