internal import Foundation

/// Random numbers that are the same for a seed on every machine and toolchain (splitmix64).
package struct RepeatableGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts a sequence.
  package init(seed: UInt64) { state = seed &* 0xd1b5_4a32_d192_ed03 }

  /// Draws 64 random bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Reference.mix(state)
  }

  /// Draws an integer.
  package mutating func integer(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next() >> 32) % (range.upperBound - range.lowerBound + 1)
  }

  /// Draws one of several things.
  package mutating func choice<T>(_ choices: [T]) -> T {
    choices[integer(in: 0...choices.count - 1)]
  }

  /// Decides by chance.
  ///
  /// - Parameter probability: Of true, in 0 ... 1.
  /// - Returns: The decision.
  package mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// Draws a number from 0 to 1, the 1 excluded, in steps of 2^-53.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Draws from the standard Gaussian (Box and Muller).
  package mutating func gaussian() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }

  /// Draws from the Laplace distribution with mean magnitude 1.
  package mutating func laplace() -> Double {
    let magnitude = -log(1 - uniform())
    return chance(0.5) ? magnitude : -magnitude
  }

  /// Permutes an array.
  package mutating func shuffle<T>(_ array: inout [T]) {
    for last in stride(from: array.count - 1, to: 0, by: -1) {
      array.swapAt(last, integer(in: 0...last))
    }
  }
}
