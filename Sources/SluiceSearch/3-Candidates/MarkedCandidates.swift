package import SluiceCore
package import SluiceDataflow
package import SluiceEvaluate
package import SluiceFormats
internal import SluicePlan
package import SluiceRecipe
internal import SluiceRun

/// Makes candidates of a recipe with marked numbers: the merge with other numbers in their place.
package struct MarkedCandidates: MergedCandidates {
  private let marked: MarkedRecipe
  /// How merges are run.
  let options: RunOptions

  /// Takes a recipe.
  ///
  /// - Parameters:
  ///   - marked: The recipe.
  ///   - options: How merges are run.
  package init(_ marked: MarkedRecipe, options: RunOptions) {
    self.marked = marked
    self.options = PipelineCandidates.options(options)
  }

  /// The recipe of a candidate.
  func recipe(_ values: [Double]) throws -> MergeRecipe { try marked.file(values).recipe }

  func recipe(of candidate: Candidate) throws -> MergeRecipe {
    guard case .marked(let values) = candidate.content else {
      preconditionFailure("a candidate without numbers")
    }
    return try recipe(values.values)
  }

  /// The hash of the merge's manifest, with the numbers.
  package func identity(of candidate: Candidate) throws -> Hash128 {
    try MergePlan(recipe(of: candidate), options: options).manifest().identity
  }

  package func existingPath(of candidate: Candidate) -> String? { nil }

  package func model(
    of candidate: Candidate, memory: ByteCount, scratch: String, cancellation: Cancellation
  ) throws -> EvaluatedModel {
    try model(recipe(of: candidate), called: candidate.label, memory, scratch)
  }
}
