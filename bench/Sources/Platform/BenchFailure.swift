public import Glibc

/// Why a benchmark cannot go on, as one sentence for the person who started it.
public struct BenchFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String

  /// Makes a failure.
  /// - Parameter description: what happened, and what to do about it where that is known.
  public init(_ description: String) {
    self.description = description
  }

  /// Makes a failure from a system call.
  /// - Parameters:
  ///   - call: the name of the call.
  ///   - path: the file it was made for.
  ///   - code: the error number; the current one when not given.
  /// - Returns: a failure that names all three.
  public static func system(_ call: String, _ path: String, code: CInt = errno) -> BenchFailure {
    BenchFailure("\(path): \(call): \(String(cString: strerror(code)))")
  }
}
