package import SluiceCore
package import SluiceDataflow
package import SluiceEvaluate
package import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
package import SluiceRecipe

/// Makes candidates by merging, from the models themselves.
package struct PipelineCandidates: MergedCandidates {
  private let recipe: MergeRecipe
  /// How candidates are made: in one go.
  let options: RunOptions

  /// Takes a recipe whose factors are to be found.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - options: How merges are run; what they leave unfinished is not kept.
  package init(_ recipe: MergeRecipe, options: RunOptions) {
    self.recipe = recipe
    self.options = PipelineCandidates.options(options)
  }

  /// A candidate is made in one go or not at all.
  static func options(_ options: RunOptions) -> RunOptions {
    var options = options
    options.isJournaled = false
    options.startsOver = false
    return options
  }

  /// The recipe that makes a candidate.
  ///
  /// A single model's candidate is the base with that model's deltas added: weights, and what the
  /// recipe says of merging, have no part in it.
  ///
  /// - Parameter candidate: The candidate.
  /// - Returns: The recipe.
  package func recipe(of candidate: Candidate) -> MergeRecipe {
    var recipe = recipe
    switch candidate.content {
    case .merged(let factors):
      for index in recipe.models.indices {
        recipe.models[index].amplification = factors[recipe.models[index].name]?.values ?? []
      }
      return recipe
    case .marked: preconditionFailure("a recipe without marks")
    case .base: recipe.models.removeAll()
    case .dense(let name):
      recipe.models.removeAll { $0.name != name }
      recipe.method.pruning = .none
      for index in recipe.models.indices { recipe.models[index].pruningRate = nil }
    case .amplified(let name, _): recipe.models.removeAll { $0.name != name }
    }
    for index in recipe.models.indices {
      recipe.models[index].amplification = candidate.factors?.values ?? []
      recipe.models[index].weight = 1
      recipe.models[index].weightByTensor = nil
      recipe.models[index].extraFiles = [:]
    }
    recipe.extraFiles = [:]
    recipe.method.merging = .sum
    recipe.method.mergeScale = 1
    return recipe
  }

  /// The hash of the manifest of a merge without factors.
  package func identity(of candidate: Candidate) throws -> Hash128 {
    var recipe = recipe(of: candidate)
    for index in recipe.models.indices { recipe.models[index].amplification = [] }
    return try MergePlan(recipe, options: options).manifest().identity
  }

  /// The model's own directory for the dense model, and for the base.
  package func existingPath(of candidate: Candidate) -> String? {
    let path: String? =
      switch candidate.content {
      case .base: recipe.base
      case .dense(let name):
        recipe.models.first { $0.name == name && $0.adapters.isEmpty }?.path
      case .amplified, .merged, .marked: nil
      }
    guard let path = path.flatMap({ try? HubCache.resolve($0) }),
      (try? FileStatus.of(path))?.kind == .directory
    else { return nil }
    return path
  }

  /// Merges while the candidate is computed; the dense model, and the base, are computed as they lie there.
  package func model(
    of candidate: Candidate, memory: ByteCount, scratch: String, cancellation: Cancellation
  ) throws -> EvaluatedModel {
    if let path = existingPath(of: candidate) { return try EvaluatedModel.open(path) }
    return try model(of: candidate, recipe(of: candidate), memory, scratch)
  }

  func model(
    of candidate: Candidate, _ recipe: MergeRecipe, _ memory: ByteCount, _ scratch: String
  ) throws -> EvaluatedModel {
    try model(recipe, called: "\(candidate.model) \(candidate.label)", memory, scratch)
  }
}
