package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats

/// Collects what methods need to know of a model's inputs, and how well models fit texts.
package struct CollectRun {
  /// What is asked for.
  package struct Request: Sendable {
    /// The models, by the names that results give them.
    package var models: [(name: String, path: String)]
    /// The file of texts.
    package var texts: String
    /// Of longer texts the beginning is taken.
    package var length = 2048
    /// Where root mean squares of inputs are written.
    package var norms: String?
    /// Where Gram matrices are written.
    package var grams: String?
    /// Where losses are written.
    package var losses: String?

    /// Asks for nothing yet.
    package init(models: [(name: String, path: String)], texts: String) {
      (self.models, self.texts) = (models, texts)
    }
  }

  /// What was collected.
  package struct Result: Sendable {
    /// How many linear layers were looked at.
    package var layerCount = 0
    /// How many tokens.
    package var tokenCount = 0
    /// The bytes of weights that were read.
    package var bytesRead = 0
    /// The loss of each model, in order, if they were asked for.
    package var losses: [(name: String, loss: Double)] = []
  }

  private let request: Request
  private let threads: Int
  private let memory: ByteCount
  private let scratch: String
  private let progress: ProgressMeter
  private let cancellation: Cancellation

  /// Prepares a run.
  package init(
    _ request: Request, threads: Int, memory: ByteCount, scratch: String,
    progress: ProgressMeter = ProgressMeter(), cancellation: Cancellation = Cancellation()
  ) {
    (self.request, self.threads, self.memory) = (request, threads, memory)
    (self.scratch, self.progress, self.cancellation) = (scratch, progress, cancellation)
  }

  /// Runs to the end; files have their names only then.
  ///
  /// - Returns: What was collected.
  /// - Throws: What keeps the models from being computed, or what the run was stopped by.
  package func run() throws -> Result {
    do {
      let models = try request.models.map { ($0.name, try EvaluatedModel.open($0.path)) }
      let texts = try ExampleTexts(request.texts, length: request.length)
      for (_, model) in models {
        try texts.checkTokens(model.shape.tokenCount, file: request.texts)
      }
      var result = Result()
      for (index, (name, model)) in models.enumerated() {
        // What methods read is that of one model.
        let isLookedAt = index == 0 && (request.norms != nil || request.grams != nil)
        guard isLookedAt || request.losses != nil else { continue }
        let loss = try compute(model, texts, isLookedAt: isLookedAt, &result)
        if let loss { result.losses.append((name, loss)) }
      }
      if let losses = request.losses {
        result.tokenCount = texts.texts.reduce(0) { $0 + $1.count }
        try AtomicFile.write(CollectRun.json(result.losses), to: losses)
      }
      return result
    } catch let error where error is CancelledError {
      throw cancellation.error ?? error
    }
  }

  /// Computes a model, looks at the inputs of its layers if that is wanted, and gives its loss if that is.
  private func compute(
    _ model: EvaluatedModel, _ texts: ExampleTexts, isLookedAt: Bool, _ result: inout Result
  ) throws -> Double? {
    let (shape, asksLoss) = (model.shape, request.losses != nil)
    let batch = texts.batch(asksTokens: asksLoss)
    let places = (0..<shape.layerCount).flatMap { shape.linears(model.weights.names, layer: $0) }
    let widest = places.map(\.inputs).max() ?? 0
    let needs = try EvaluationNeeds(
      shape, batch, threads: threads, memory: memory, scratch: scratch,
      extraLaneBytes: isLookedAt && request.grams != nil
        ? InputMeans.byteCount(columns: widest) : 0)
    let grams = try (isLookedAt ? request.grams : nil).map { path in
      try GramFile(
        path, sizes: Dictionary(uniqueKeysWithValues: places.map { ($0.name, $0.inputs) }))
    }
    do {
      let means = InputMeans(
        norms: request.norms != nil, grams: grams, threads: needs.lanes,
        cancellation: cancellation)
      let pass = try ForwardPass(
        shape, batch, needs, progress: progress, cancellation: cancellation)
      if isLookedAt { pass.look = { try means.look($0, $1, rowCount: $2) } }
      progress.startPhase(
        isLookedAt ? "collect" : "losses of \(model.name)",
        totalBytes: model.byteCount(embeddedTokens: 0, withHead: asksLoss))
      defer { progress.finishPhase() }
      let states = try pass.finalStates(model.weights)
      let loss = asksLoss ? CollectRun.loss(try pass.scores(model.weights, states), batch) : nil
      result.bytesRead += pass.productCosts.bytesRead
      if isLookedAt {
        if let path = request.norms { try AtomicFile.write(CollectRun.file(means.norms), to: path) }
        try grams?.publish()
        (result.layerCount, result.tokenCount) = (places.count, batch.rowCount)
      }
      return loss
    } catch {
      grams?.discard()
      throw error
    }
  }

  /// The mean over texts of the mean loss of a token; the token behind each text is nobody's.
  private static func loss(_ scores: [TokenScore], _ batch: TokenBatch) -> Double {
    let losses = batch.sequences.indices.map { index in
      let own = scores[batch.answers[index]..<(batch.answers[index + 1] - 1)]
      return -own.reduce(0) { $0 + $1.logProbability } / Double(own.count)
    }
    return losses.reduce(0, +) / Double(losses.count)
  }

  private static func json(_ losses: [(name: String, loss: Double)]) -> [UInt8] {
    JSONWriter.bytes(indentation: 1) { json in
      json.beginObject()
      for (name, loss) in losses { json.member(named: name, .double(loss)) }
      json.endObject()
    } + [UInt8(ascii: "\n")]
  }

  /// A safetensors file of vectors.
  private static func file(_ vectors: [String: [Float]]) throws -> [UInt8] {
    let tensors = vectors.compactMap { name, values in
      TensorShape([values.count]).map { PlannedTensor(name: name, dtype: .f32, shape: $0) }
    }
    let shard = try ShardLayout.plan(tensors, shardByteLimit: .max).shards[0]
    var bytes = shard.header
    for tensor in shard.tensors {
      bytes += Array(repeating: 0, count: tensor.byteRange.lowerBound - bytes.count)
      for value in vectors[tensor.name] ?? [] { bytes.append(littleEndian: value.bitPattern) }
    }
    return bytes
  }
}
