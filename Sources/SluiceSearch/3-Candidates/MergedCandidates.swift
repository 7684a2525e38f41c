internal import SluiceCore
internal import SluiceDataflow
internal import SluiceEvaluate
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun

/// Candidates that are merges: each has a recipe.
protocol MergedCandidates: CandidateMaker {
  /// How merges are run.
  var options: RunOptions { get }
  /// The recipe that makes a candidate.
  func recipe(of candidate: Candidate) throws -> MergeRecipe
}

extension MergedCandidates {
  /// The disk space of a merge with what it keeps between its passes.
  ///
  /// - Parameter candidate: The candidate.
  /// - Returns: The number of bytes.
  /// - Throws: If the models cannot be read.
  package func byteCount(of candidate: Candidate) throws -> Int {
    let plan = try MergePlan(recipe(of: candidate), options: options)
    return PlanExplanation(plan, output: "candidate", measuresSpeed: false).bytesNeeded
  }

  /// Merges.
  package func make(
    _ candidate: Candidate, at directory: String, cancellation: Cancellation
  ) throws {
    let plan = try MergePlan(recipe(of: candidate), options: options)
    _ = try MergeRun(plan, output: directory, cancellation: cancellation).run()
  }

  /// A merge to compute without writing it; messages call it by a name.
  func model(
    _ recipe: MergeRecipe, called name: String, _ memory: ByteCount, _ scratch: String
  ) throws -> EvaluatedModel {
    var options = options
    options.memory = memory
    return try EvaluatedModel.merging(recipe, path: name, options: options, scratch: scratch)
  }
}
