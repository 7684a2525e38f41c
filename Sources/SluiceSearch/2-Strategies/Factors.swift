/// The amplification factors of a model's partitions, most severe first; 0 leaves a partition out.
///
/// Factors are decimals of at most six places, so that the same candidate is known as the same
/// however it was reached.
package struct Factors: Sendable, Hashable, CustomStringConvertible {
  /// The factors.
  package let values: [Double]

  /// Rounds numbers to factors.
  package init(_ values: [Double]) { self.values = values.map { Factors.rounded($0) } }

  /// The number nearest to a value that has six decimal places; from 1e9 on, the value itself,
  /// since what is scaled there may round again or leave the range of a Double.
  static func rounded(_ value: Double) -> Double {
    abs(value) < 1e9 ? (value * 1e6).rounded() / 1e6 + 0 : value
  }

  /// The same factors with one of them replaced.
  package func replacing(_ partition: Int, by value: Double) -> Factors {
    var values = values
    values[partition] = value
    return Factors(values)
  }

  /// `1.3,1.1`, as `--amplify` takes it.
  package var description: String { texts.joined(separator: ",") }

  /// `[1.3, 1.1]`, as people read it.
  package var listed: String { "[\(texts.joined(separator: ", "))]" }

  private var texts: [String] {
    values.map { $0 == $0.rounded() && abs($0) < 1e15 ? "\(Int($0))" : "\($0)" }
  }
}
