internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
package import SluicePlan
package import SluiceRecipe
internal import SluiceStore

/// A model that is to be scored: where its weights come from, and what is computed of them.
package struct EvaluatedModel: Sendable {
  /// The name in results.
  package let name: String
  /// The path of the model, as it was given.
  package let path: String
  /// Where its weights come from.
  package let weights: any WeightSource
  /// What is computed.
  package let shape: DecoderShape

  /// The directory with its tokenizer, if there is one.
  let tokenizer: String?

  /// Describes a model.
  package init(
    name: String, path: String, weights: any WeightSource, shape: DecoderShape,
    tokenizer: String? = nil
  ) {
    (self.name, self.path, self.weights, self.shape) = (name, path, weights, shape)
    self.tokenizer = tokenizer
  }

  /// Takes the model that a recipe makes; it is merged layer by layer while it is computed, and never written.
  ///
  /// - Parameters:
  ///   - recipe: The recipe.
  ///   - path: Its path, for messages.
  ///   - options: How it is merged; its memory is held beside that of the evaluation.
  ///   - scratch: Where files lie that nobody needs afterwards.
  /// - Returns: The model.
  /// - Throws: If it cannot be merged, or is no model that is computed here.
  package static func merging(
    _ recipe: MergeRecipe, path: String, options: RunOptions, scratch: String
  ) throws -> EvaluatedModel {
    var options = options
    // Nothing of it is gone on with, and what tensors look like is asked by nobody.
    (options.isJournaled, options.measuresChanges) = (false, false)
    (options.startsOver, options.spill, options.spillDirectory) = (false, .off, nil)
    let plan = try MergePlan(recipe, options: options)
    guard let config = plan.config else {
      throw EvaluationError.badInput(
        "there is no config.json beside the base, which says what is computed", file: recipe.base)
    }
    let file = "\(recipe.base)/config.json"
    return EvaluatedModel(
      name: Directory.name(of: path), path: path,
      weights: try MergedWeights(plan, path: path, scratch: scratch),
      shape: try DecoderShape(ModelConfig(config, file: file), file: file),
      tokenizer: try HubCache.resolve(recipe.base))
  }

  /// Checks that tasks were made for the model.
  func check(_ tasks: [TaskFile]) throws {
    for task in tasks { try task.checkTokens(shape.tokenCount) }
    guard let tokenizer, tasks.contains(where: { !$0.tokens.isEmpty }),
      let table = try TokenTable.read(in: tokenizer)
    else { return }
    for task in tasks { try task.checkTokenizer(table) }
  }

  /// Whether there is a delta store at a path.
  package static func isStore(_ path: String) throws -> Bool {
    try DeltaStore.open(HubCache.resolve(path)) != nil
  }

  /// Opens a checkpoint; reads headers only.
  ///
  /// - Parameter path: A directory, a file of weights, or a name of the hub.
  /// - Returns: The model.
  /// - Throws: If it is none, or no model that is computed here.
  package static func open(_ path: String) throws -> EvaluatedModel {
    let resolved = try HubCache.resolve(path)
    guard try DeltaStore.open(resolved) == nil else {
      throw EvaluationError.usage(
        "a delta store holds changes of a model, not the model", file: path,
        remedy: "Give the model that it is of as --base.")
    }
    let model = try SourceModel.open(name: Directory.name(of: path), path: resolved, firstFile: 0)
    return EvaluatedModel(
      name: Directory.name(of: path), path: path, weights: try CheckpointWeights(model),
      shape: try DecoderShape(of: model), tokenizer: model.checkpoint.directory)
  }
}

extension EvaluatedModel {
  /// The bytes that are read to compute all layers, of which the embedding's are those of some tokens.
  func byteCount(embeddedTokens: Int, withHead: Bool = true) -> Int {
    let names = weights.names
    var bytes = weights.startByteCount + weights.byteCount(names.embedding, rows: embeddedTokens)
    if withHead {
      bytes +=
        weights.byteCount(names.head, rows: nil) + weights.byteCount(names.lastNorm, rows: nil)
    }
    for layer in 0..<shape.layerCount {
      for linear in shape.linears(names, layer: layer) {
        bytes +=
          weights.byteCount(linear.name, rows: nil)
          + weights.byteCount(DecoderNames.bias(of: linear.name), rows: nil)
      }
      for gain in shape.gains(names, layer: layer) {
        bytes += weights.byteCount(gain.name, rows: nil)
      }
    }
    return bytes
  }
}

extension DecoderShape {
  /// Reads the shape of an opened model.
  package init(of model: SourceModel) throws(EvaluationError) {
    guard let config = model.catalog.config else {
      throw EvaluationError.badInput(
        "there is no config.json beside the weights, which says what is computed",
        file: model.checkpoint.path)
    }
    try self.init(config, file: "\(model.checkpoint.path)/config.json")
  }
}

extension MergeRecipe {
  /// The recipe of a model itself, whose changes lie in a store: the base with all of them.
  package init(adding path: String, to base: String) {
    var method = MethodParameters()
    method.pruning = .none
    method.merging = .sum
    self.init(base: base, models: [Model(name: "changes", path: path)], method: method)
  }
}
