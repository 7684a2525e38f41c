internal import Foundation

/// Random numbers that are the same for a seed on every machine and toolchain (splitmix64).
public struct RepeatableGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts a sequence.
  ///
  /// - Parameter seed: Any number; close seeds give unrelated sequences.
  public init(seed: UInt64) { state = seed &* 0xd1b5_4a32_d192_ed03 }

  /// Draws 64 random bits.
  ///
  /// - Returns: Any number, all equally likely.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Reference.mix(state)
  }

  /// Draws an integer.
  ///
  /// - Parameter range: The numbers to choose from, not empty.
  /// - Returns: One of them.
  public mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next() >> 32) % (range.upperBound - range.lowerBound + 1)
  }

  /// Draws one of several things.
  ///
  /// - Parameter choices: The things, at least one.
  /// - Returns: One of them.
  public mutating func choice<T>(_ choices: [T]) -> T {
    choices[integer(in: 0...choices.count - 1)]
  }

  /// Decides by chance.
  ///
  /// - Parameter probability: Of true, in 0 ... 1.
  /// - Returns: The decision.
  public mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// Draws a number from 0 to 1, the 1 excluded, in steps of 2^-53.
  ///
  /// - Returns: The number.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Draws from the standard Gaussian (Box and Muller).
  ///
  /// - Returns: The number.
  public mutating func gaussian() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// Draws from the Laplace distribution with mean magnitude 1.
  ///
  /// - Returns: The number.
  public mutating func laplace() -> Double {
    let magnitude = -log(1 - uniform())
    return chance(0.5) ? magnitude : -magnitude
  }

  /// Permutes an array.
  ///
  /// - Parameter array: The array.
  public mutating func shuffle<T>(_ array: inout [T]) {
    for last in stride(from: array.count - 1, to: 0, by: -1) {
      array.swapAt(last, integer(in: 0...last))
    }
  }
}
