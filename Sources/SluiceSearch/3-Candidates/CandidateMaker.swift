package import SluiceCore
package import SluiceDataflow
package import SluiceEvaluate
package import SluiceFormats

/// Makes complete checkpoints of candidates.
///
/// What it is made from, the models themselves or something smaller that was kept of them, is the
/// maker's own affair: a candidate's bytes depend on the recipe and its factors alone. Calls come from
/// several threads, but never two to `make` at once.
package protocol CandidateMaker: Sendable {
  /// What decides about the bytes of a model's candidates beside their factors.
  ///
  /// - Parameter candidate: Any candidate.
  /// - Returns: The same for candidates that would have the same bytes with the same factors.
  /// - Throws: If the models cannot be read.
  func identity(of candidate: Candidate) throws -> Hash128

  /// A checkpoint that is the candidate already and need not be made.
  func existingPath(of candidate: Candidate) -> String?

  /// The disk space that making a candidate takes at most.
  ///
  /// - Parameter candidate: The candidate.
  /// - Returns: The number of bytes.
  /// - Throws: If the models cannot be read.
  func byteCount(of candidate: Candidate) throws -> Int

  /// Makes a checkpoint that any program can load.
  func make(_ candidate: Candidate, at directory: String, cancellation: Cancellation) throws

  /// A candidate to compute without writing it.
  ///
  /// - Parameters:
  ///   - candidate: The candidate.
  ///   - memory: What merging it may take while it is computed.
  ///   - scratch: Where files lie that nobody needs afterwards.
  ///   - cancellation: What ends the work before its time.
  /// - Returns: The model.
  /// - Throws: If the models cannot be read, or are none that can be computed.
  func model(
    of candidate: Candidate, memory: ByteCount, scratch: String, cancellation: Cancellation
  ) throws -> EvaluatedModel

  /// Makes a checkpoint that stays when the search has ended, with a recipe that gives it again.
  func makeToKeep(_ candidate: Candidate, at directory: String, cancellation: Cancellation) throws
}

extension CandidateMaker {
  /// Makes it as any other.
  package func makeToKeep(
    _ candidate: Candidate, at directory: String, cancellation: Cancellation
  ) throws {
    try make(candidate, at: directory, cancellation: cancellation)
  }
}
