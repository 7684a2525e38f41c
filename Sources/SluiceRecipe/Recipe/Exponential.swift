internal import Glibc

/// Functions that the standard library leaves to the system's.
enum Exponential {
  static func exp(_ value: Double) -> Double { Glibc.exp(value) }
}
