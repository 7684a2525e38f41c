package import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// What scoring models takes: bytes, operations, memory, and an estimate of the time.
package struct EvaluationPlan: Sendable {
  /// The models, all of one shape.
  package let models: [EvaluatedModel]
  /// What they are scored on.
  package let tasks: [TaskFile]
  /// What is computed.
  package let shape: DecoderShape
  /// The sequences.
  package let batch: TokenBatch
  /// How memory is spent.
  package let needs: EvaluationNeeds
  /// The bytes of weights that are read; of a checkpoint's embedding no more than each token's row.
  package let bytesRead: Int
  /// The memory: of computing, of merging, and of what recipes read together.
  package let memoryBytes: Int
  /// The bytes in scratch files: activations that do not fit in memory, and merged tensors of a layer.
  package let scratchBytes: Int
  /// The floating-point operations of products.
  package let operations: Double
  /// Where scratch files lie.
  package let scratch: String
  /// What is odd, but no error.
  package let warnings: [Warning]

  /// Plans an evaluation.
  ///
  /// - Parameters:
  ///   - models: The models.
  ///   - tasks: The tasks.
  ///   - threads: How many lanes may compute.
  ///   - budget: The budget; models that are recipes were made with its part for merging.
  ///   - scratch: Where activations go that do not fit.
  /// - Throws: If models, tasks and budget do not go together.
  package init(
    _ models: [EvaluatedModel], _ tasks: [TaskFile], threads: Int, budget: EvaluationBudget,
    scratch: String
  ) throws {
    guard let first = models.first else { preconditionFailure("nothing is evaluated") }
    for model in models where model.shape != first.shape {
      throw EvaluationError.badInput(
        "the config says another shape than that of \(first.path.printable)", file: model.path,
        remedy: "Evaluate models of other shapes by themselves.")
    }
    for model in models { try model.check(tasks) }
    (self.models, self.tasks, shape, self.scratch) = (models, tasks, first.shape, scratch)
    batch = TokenBatch(tasks)
    needs = try EvaluationNeeds(
      first.shape, batch, modelCount: models.count, threads: threads,
      memory: budget.computing, whole: budget.whole, scratch: scratch)
    let rows = Set(batch.sequences.lazy.flatMap { $0.tokens.dropLast() }).count
    let group = try MergedWeights.group(models, capacity: budget.sharing.bytes)
    let lists = first.shape.preparations(of: group)
    bytesRead =
      try models.reduce(0) { $0 + $1.byteCount(embeddedTokens: rows) }
      + lists.reduce(0) { try $0 + (group?.byteCount($1) ?? 0) }
    memoryBytes = needs.memoryBytes + budget.merging.bytes + budget.sharing.bytes
    scratchBytes =
      needs.scratchBytes + (lists.map { group?.mergedByteCount($0) ?? 0 }.max() ?? 0)
    operations = Double(models.count) * first.shape.operations(batch)
    var warnings: [Warning] = []
    if let limit = first.shape.positionCount, batch.longest > limit {
      warnings.append(
        Warning(
          .oddInput, subject: Subject(file: first.path),
          message:
            "an example of \(batch.longest + 1) tokens is longer than the \(limit) positions "
            + "that the model was made for"))
    }
    if let group, group.members.count > 1, group.largestStripBytes > budget.sharing.bytes {
      warnings.append(
        Warning(
          .oddInput, subject: Subject(),
          message:
            "what the recipes read of a tensor does not fit in \(budget.sharing), a quarter of the "
            + "memory: each reads such tensors for itself; --memory "
            + "\(ByteCount(4 * group.largestStripBytes).roundedUpToMebibytes) lets them read together"
        ))
    }
    self.warnings = warnings
  }

  /// What tells the evaluation from others: the states behind a layer are the same where it is.
  var identity: Hash128 {
    let models = models.map(\.weights.identity)
    let tasks = tasks.map(\.hash.hexadecimal)
    return Hash128(
      of: Array("evaluation 1\n\(shape)\n\(models)\n\(tasks)\n\(Products.processor)".utf8))
  }

  /// How long the products take, at the speed that the library shows now.
  package func estimatedSeconds() throws -> Double {
    try ProductCheck.run(threads: needs.lanes)
    return operations / librarySpeed() / Double(needs.lanes)
  }

  /// How fast the library is by itself, on one thread, in a product of the usual size: operations a second,
  /// measured now.
  package func librarySpeed() -> Double { ProductCheck.speed(shape.usualProduct) }
}

extension DecoderShape {
  /// The size of the product that takes most of the time.
  var usualProduct: (rows: Int, columns: Int, inner: Int) {
    (Products.blockRows, Products.panelRows, width)
  }

  /// The operations of all products for a batch.
  func operations(_ batch: TokenBatch) -> Double {
    let names = DecoderNames(embedding: "embed_tokens.weight", head: "head")
    let perRow = linears(names, layer: 0).reduce(0.0) {
      $0 + Double($1.outputs) * Double($1.inputs)
    }
    let linear = 2 * Double(layerCount) * perRow * Double(batch.paddedRowCount)
    var pairs = 0.0
    for sequence in batch.sequences {
      let count = Double(sequence.rowCount)
      for window in windows {
        let seen = min(count, Double(window ?? .max))
        pairs += seen * (seen + 1) / 2 + (count - seen) * seen
      }
    }
    let head = 2 * Double(tokenCount) * Double(width) * Double(TokenBatch.padded(batch.answerCount))
    return linear + 4 * Double(queryWidth) * pairs + head
  }
}
