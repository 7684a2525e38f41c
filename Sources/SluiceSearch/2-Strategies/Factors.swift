/// The amplification factors of a model's partitions, most severe first; 0 leaves a partition out.
///
/// Factors are decimals of at most six places, so that the same candidate is known as the same
/// however it was reached.
public struct Factors: Sendable, Hashable, CustomStringConvertible {
  /// The factors.
  public let values: [Double]

  /// Rounds numbers to factors.
  ///
  /// - Parameter values: The numbers, most severe partition first.
  public init(_ values: [Double]) { self.values = values.map { Factors.rounded($0) } }

  /// The number nearest to a value that has six decimal places.
  ///
  /// - Parameter value: The value.
  /// - Returns: The factor; never the negative zero.
  static func rounded(_ value: Double) -> Double { (value * 1e6).rounded() / 1e6 + 0 }

  /// The same factors with one of them replaced.
  ///
  /// - Parameters:
  ///   - partition: Which one.
  ///   - value: The new factor.
  /// - Returns: The factors.
  public func replacing(_ partition: Int, by value: Double) -> Factors {
    var values = values
    values[partition] = value
    return Factors(values)
  }

  /// `1.3,1.1`, as `--amplify` takes it.
  public var description: String {
    values.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }
      .joined(separator: ",")
  }
}
