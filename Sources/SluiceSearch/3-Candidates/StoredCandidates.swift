package import SluiceCore
package import SluiceDataflow
package import SluiceEvaluate
package import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceStore
package import SluiceRecipe
internal import Synchronization

/// Makes candidates from the base and sparse delta stores: each fine-tuned model is read once, when its
/// store is made, and for no candidate again.
///
/// The bytes of a candidate are those that it has when it is made from the models. Where a store
/// would not do, or cannot be made, the model itself is used.
package final class StoredCandidates: CandidateMaker {
  private let models: PipelineCandidates
  private let recipe: MergeRecipe
  private let options: RunOptions
  private let directory: String
  /// The stores that are there; nil for a model of which there can be none.
  private let stores = Mutex<[String: String?]>([:])

  /// Takes a recipe whose factors are to be found.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - options: How merges are run.
  ///   - directory: Where stores are kept, a directory for each model; a search that goes on finds
  ///     them there.
  package init(_ recipe: MergeRecipe, options: RunOptions, storesIn directory: String) {
    models = PipelineCandidates(recipe, options: options)
    self.recipe = recipe
    self.options = options
    self.directory = directory
  }

  /// Where the stores of a search are kept: they are gone when it has ended.
  package static func directory(in output: String) -> String {
    "\(Directory.absolute(output))/\(SearchDirectory.workName)/stores"
  }

  /// The same as of candidates that are made from the models.
  package func identity(of candidate: Candidate) throws -> Hash128 {
    try models.identity(of: candidate)
  }

  /// The fine-tuned model's own directory for the dense model.
  package func existingPath(of candidate: Candidate) -> String? {
    models.existingPath(of: candidate)
  }

  /// The disk space of a merge with what it keeps between its passes.
  ///
  /// - Parameter candidate: The candidate.
  /// - Returns: The number of bytes.
  /// - Throws: If the models cannot be read.
  package func byteCount(of candidate: Candidate) throws -> Int {
    try models.byteCount(of: candidate)
  }

  /// Merges, from stores where it can.
  package func make(
    _ candidate: Candidate, at directory: String, cancellation: Cancellation
  ) throws {
    guard let recipe = try storedRecipe(of: candidate, cancellation) else {
      return try models.make(candidate, at: directory, cancellation: cancellation)
    }
    let plan: MergePlan
    do {
      plan = try MergePlan(recipe, options: models.options)
    } catch is PipelineError {
      // What the store has not got, the model has.
      return try models.make(candidate, at: directory, cancellation: cancellation)
    }
    _ = try MergeRun(plan, output: directory, cancellation: cancellation).run()
  }

  /// Merges while the candidate is computed, from stores where it can.
  package func model(
    of candidate: Candidate, memory: ByteCount, scratch: String, cancellation: Cancellation
  ) throws -> EvaluatedModel {
    if existingPath(of: candidate) == nil,
      let recipe = try storedRecipe(of: candidate, cancellation)
    {
      do {
        return try models.model(of: candidate, recipe, memory, scratch)
      } catch is PipelineError {
        // As above.
      }
    }
    return try models.model(
      of: candidate, memory: memory, scratch: scratch, cancellation: cancellation)
  }

  /// The recipe of a candidate with stores in the place of models; nil if none of them has one.
  private func storedRecipe(
    of candidate: Candidate, _ cancellation: Cancellation
  ) throws -> MergeRecipe? {
    if case .dense = candidate.content { return nil }
    var recipe = models.recipe(of: candidate)
    var isStored = false
    for index in recipe.models.indices {
      guard let store = try store(of: recipe.models[index].name, cancellation) else { continue }
      recipe.models[index].path = store
      recipe.models[index].adapters = []
      isStored = true
    }
    return isStored ? recipe : nil
  }

  /// Merges from the models: the stores are gone when the search has ended, and a recipe that named
  /// them could not be run.
  package func makeToKeep(
    _ candidate: Candidate, at directory: String, cancellation: Cancellation
  ) throws {
    try models.make(candidate, at: directory, cancellation: cancellation)
  }

  /// The store of a model, made when it is first asked for.
  private func store(of name: String, _ cancellation: Cancellation) throws -> String? {
    if let known = stores.withLock({ $0[name] }) { return known }
    let path = try makeStore(of: name, cancellation)
    stores.withLock { $0[name] = .some(path) }
    return path
  }

  private func makeStore(of name: String, _ cancellation: Cancellation) throws -> String? {
    guard let position = recipe.models.firstIndex(where: { $0.name == name }),
      let request = PruneRun.Request(serving: recipe, model: position)
    else { return nil }
    if try DeltaStore.open(recipe.models[position].path) != nil { return nil }
    let path = "\(directory)/\(position)"
    func make() throws {
      _ = try PruneRun(request, options: options, output: path, cancellation: cancellation).run()
    }
    do {
      try make()
    } catch let error as PipelineError where error.failure.exitCode == .usage {
      // Left by a search of other models.
      try Directory.remove(path)
      try make()
    }
    return path
  }
}
