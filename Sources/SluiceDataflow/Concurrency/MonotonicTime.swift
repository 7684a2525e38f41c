internal import Glibc

/// A point on the clock that never goes back, in nanoseconds since an arbitrary start.
package struct MonotonicTime: Sendable, Hashable, Comparable {
  /// The nanoseconds since the start of the clock.
  package let nanoseconds: Int64

  /// Wraps a reading.
  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The present.
  package static var now: MonotonicTime {
    MonotonicTime(nanoseconds: readClock(CLOCK_MONOTONIC))
  }

  /// The processor time that the calling thread has used, as a point on a clock of its own.
  package static var processorTimeOfThread: MonotonicTime {
    MonotonicTime(nanoseconds: readClock(CLOCK_THREAD_CPUTIME_ID))
  }

  /// The seconds from another point to this one, negative if the other is later.
  package func seconds(since other: MonotonicTime) -> Double {
    Double(nanoseconds - other.nanoseconds) * 1e-9
  }

  /// The point that lies a duration after this one, at most the last point of the clock.
  package func advanced(by duration: Duration) -> MonotonicTime {
    let (seconds, attoseconds) = duration.components
    let (whole, tooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow) = nanoseconds.addingReportingOverflow(whole)
    let (point, overflowOfRest) = sum.addingReportingOverflow(attoseconds / 1_000_000_000)
    return MonotonicTime(nanoseconds: tooLarge || overflow || overflowOfRest ? .max : point)
  }

  /// Orders by time.
  package static func < (a: MonotonicTime, b: MonotonicTime) -> Bool {
    a.nanoseconds < b.nanoseconds
  }

  /// The point as the system's pair of seconds and nanoseconds.
  var timeSpecification: timespec {
    timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
  }
}

private func readClock(_ clock: clockid_t) -> Int64 {
  var time = timespec()
  // Safe: the call fills the local value and keeps no pointer to it.
  let status = unsafe clock_gettime(clock, &time)
  precondition(status == 0, "the system has no such clock")
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}
