package import SluiceCore

/// What can go wrong while matrices are factorised.
package struct SolverError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  ///
  /// - Parameter failure: The content.
  package init(_ failure: Failure) { self.failure = failure }

  static func scratch(_ path: String, _ what: String, systemError: Int32) -> SolverError {
    SolverError(
      Failure(
        .inputOutput, subject: Subject(file: path), message: "cannot \(what) a matrix on disk",
        systemError: systemError))
  }

  static func noAddresses(threads: Int, byteCount: Int) -> SolverError {
    SolverError.usage(
      "OpenBLAS needs \(byteCount >> 20) MiB of addresses on \(threads) threads, and this process "
        + "may not have them",
      remedy: "Raise the limit (ulimit -v, ulimit -d), or set --threads lower: memory is bounded "
        + "by --memory.")
  }

  static func notPositive(row: Int) -> SolverError {
    SolverError.badInput(
      "the Gram matrix is not positive definite (found at row \(row))",
      remedy: "Collect it from more tokens; for regmean, lower --off-diagonal.")
  }
}
