import Glibc

/// A symmetric distribution as a table of the quantiles of its magnitude; 32 random bits give a draw:
/// one bit the sign, 15 the interval of the table, 16 the place inside the interval.
///
/// Magnitudes are scale * z * exp(tail * z^2 / 2) with z standard normal ("g-and-h" with g = 0): tail 0
/// is Gaussian, and larger tails are heavier in the way that the deltas of real fine-tunes are.
final class QuantileTable: Sendable {
  private static let intervals = 32768
  /// `intervals + 1` quantiles, rising from 0.
  ///
  /// Never written after `init`, freed in `deinit`.
  private nonisolated(unsafe) let quantiles: UnsafeMutablePointer<Float>

  /// Makes a table.
  /// - Parameters:
  ///   - meanMagnitude: the mean of |x| that the draws shall have.
  ///   - tail: the weight of the tails, 0 for a Gaussian; below 0.5, else the variance is infinite.
  init(meanMagnitude: Double, tail: Double) {
    let shape = QuantileTable.halfNormal.map { $0 * exp(tail * $0 * $0 / 2) }
    // Draws are uniform inside an interval, so their mean is the mean of the intervals' middles.
    var sum = 0.0
    for index in 0..<QuantileTable.intervals { sum += (shape[index] + shape[index + 1]) / 2 }
    let scale = meanMagnitude / (sum / Double(QuantileTable.intervals))
    quantiles = .allocate(capacity: shape.count)
    for (index, value) in shape.enumerated() {
      (quantiles + index).initialize(to: Float(value * scale))
    }
  }

  deinit { quantiles.deallocate() }

  /// The value that 32 random bits stand for.
  @inline(__always)
  func draw(_ bits: UInt32) -> Float {
    let place = Int((bits >> 16) & 0x7fff)
    let low = quantiles[place]
    let magnitude = low + (quantiles[place + 1] - low) * (Float(bits & 0xffff) * 0x1p-16)
    return Float(bitPattern: magnitude.bitPattern | (bits & 0x8000_0000))
  }

  /// Quantiles of |z|: erf(z / sqrt 2) = i / intervals, by Newton from the quantile before.
  ///
  /// The curve is concave, so the steps approach from the left and cannot run away. The last one would be infinite;
  /// it stands for the middle of the last quarter interval.
  private static let halfNormal: [Double] = {
    var values = [0.0]
    values.reserveCapacity(intervals + 1)
    var z = 0.0
    for index in 1...intervals {
      let wanted = index < intervals ? Double(index) : Double(intervals) - 0.125
      let missing = 1 - wanted / Double(intervals)
      while true {
        let density = (2 / Double.pi).squareRoot() * exp(-z * z / 2)
        let step = (erfc(z / 2.0.squareRoot()) - missing) / density
        z += step
        if step < 1e-9 { break }
      }
      values.append(z)
    }
    return values
  }()
}
