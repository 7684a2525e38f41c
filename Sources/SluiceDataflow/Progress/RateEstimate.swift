internal import Glibc

/// A smoothed rate: the amount per second, in which the past counts less the longer it is gone.
///
/// Amount and time are both faded and then divided, so that the first samples are not biased and
/// it does not matter how often samples are taken.
struct RateEstimate: Sendable {
  /// After how many seconds a sample counts 1/e.
  let memorySeconds: Double
  private var amount = 0.0
  private var seconds = 0.0

  init(memorySeconds: Double = 10) { self.memorySeconds = memorySeconds }

  /// Adds what happened since the last sample.
  mutating func add(_ amount: Double, in seconds: Double) {
    guard seconds > 0 else { return }
    let fade = exp(-seconds / memorySeconds)
    self.amount = self.amount * fade + amount
    self.seconds = self.seconds * fade + seconds
  }

  /// The amount per second, or nil before the first sample.
  var perSecond: Double? { seconds > 0 ? amount / seconds : nil }
}
