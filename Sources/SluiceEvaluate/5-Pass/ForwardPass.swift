internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels

/// Computes decoders layer by layer, all sequences at once, so that each weight is read once.
///
/// The states between layers are the caller's, one matrix for each model that is computed; what a layer
/// needs inside is made once and used by all.
@safe package final class ForwardPass {
  /// Called with what matrices of a layer are about to be multiplied with: their inputs are the first
  /// columns of the rows that hold tokens.
  typealias Look = ([LinearPlace], Activations, _ rowCount: Int) throws -> Void

  /// What is computed.
  package let shape: DecoderShape
  /// The sequences.
  package let batch: TokenBatch
  /// Counts the bytes that are read.
  let progress: ProgressMeter
  /// What is looked at on the way.
  var look: Look?
  /// What is looked at of the logits, in tests.
  var logitLook: HeadStep.Look?

  let threads: Int
  let cancellation: Cancellation
  private let directory: String?
  let inner: Activations
  let wide: Activations
  private let panels: BufferShelf
  let table: RotaryTable
  private let costs = Monitor(LinearStep.Costs())

  /// Makes room for a batch.
  ///
  /// - Parameters:
  ///   - shape: What is computed.
  ///   - batch: The sequences.
  ///   - needs: How memory is spent.
  ///   - progress: Counts the bytes that are read.
  ///   - cancellation: What ends the work before its time.
  /// - Throws: If there is no room, or the library multiplies wrongly.
  package init(
    _ shape: DecoderShape, _ batch: TokenBatch, _ needs: EvaluationNeeds,
    progress: ProgressMeter = ProgressMeter(), cancellation: Cancellation = Cancellation()
  ) throws {
    try ProductCheck.run(threads: needs.lanes)
    (self.shape, self.batch, self.progress) = (shape, batch, progress)
    (self.cancellation, threads, directory) = (cancellation, needs.lanes, needs.directory)
    let rows = batch.paddedRowCount
    inner = try Activations(rowCount: rows, columnCount: shape.innerColumns, in: directory)
    wide = try Activations(rowCount: rows, columnCount: shape.widestRow, in: directory)
    panels = BufferShelf(count: shape.panelElements)
    table = RotaryTable(shape.rotary, positionCount: max(batch.longest, 1))
  }

  /// What the products have cost so far: bytes read, operations, and seconds inside of them.
  package var productCosts: (bytesRead: Int, operations: Double, seconds: Double) {
    costs.withLock { ($0.bytesRead, $0.operations, $0.productSeconds) }
  }

  /// Does what a model needs before its first tensor is read.
  package func start(_ weights: any WeightSource) throws {
    let read = try weights.start(progress, cancellation)
    costs.withLock { $0.bytesRead += read }
  }

  /// Makes ready to read tensors.
  private func prepare(_ names: [String], of weights: any WeightSource) throws {
    let read = try weights.prepare(names)
    costs.withLock { $0.bytesRead += read }
    progress.advance(by: read)
  }

  /// Room for the states of a model.
  package func makeStates() throws -> Activations {
    try Activations(
      rowCount: batch.paddedRowCount, columnCount: shape.width, in: directory)
  }

  /// The states of a model behind its last layer.
  ///
  /// - Parameter weights: The model.
  /// - Returns: They.
  /// - Throws: What keeps it from being computed.
  func finalStates(_ weights: any WeightSource) throws -> Activations {
    let states = try makeStates()
    try embed(weights, into: states)
    for layer in 0..<shape.layerCount { try self.layer(layer, weights, states) }
    return states
  }

  private func linear(_ weights: any WeightSource) -> LinearStep {
    let progress = progress
    return LinearStep(
      weights: weights, threads: threads, cancellation: cancellation, panels: panels, costs: costs,
      didRead: { progress.advance(by: $0) })
  }

  /// Fills states with the embeddings of the tokens; each row of the embedding is read once at most.
  package func embed(_ weights: any WeightSource, into states: Activations) throws {
    let name = weights.names.embedding
    try weights.check(name, rows: shape.tokenCount, columns: shape.width)
    try prepare(weights.names.tensorsBeforeLayers, of: weights)
    var places: [Int32: [Int]] = [:]
    for (index, sequence) in batch.sequences.enumerated() {
      for (position, token) in sequence.tokens.dropLast().enumerated() {
        places[token, default: []].append(batch.starts[index] + position)
      }
    }
    let list = places.sorted { $0.key < $1.key }.map { (token: Int($0.key), rows: $0.value) }
    let (width, scale, progress) = (shape.width, shape.embeddingScale, progress)
    try Graph.forEach(list, "embed", threads: threads, cancellation: cancellation) {
      [costs] item, _ in
      // SAFETY: a row of the states is as long as one of the embedding, and belongs to one token.
      let first = unsafe states.row(item.rows[0])
      let read = try unsafe weights.read(
        name, item.token * width..<(item.token + 1) * width, into: first)
      if scale != 1 {
        for index in 0..<width { unsafe first[index] *= scale }
      }
      for row in item.rows.dropFirst() { unsafe states.row(row).update(from: first, count: width) }
      costs.withLock { $0.bytesRead += read }
      progress.advance(by: read)
    }
    states.release(0..<states.rowCount)
  }

  /// Computes a layer.
  ///
  /// - Parameters:
  ///   - index: The layer.
  ///   - weights: The model's weights.
  ///   - states: The states before it, which become those behind it.
  /// - Throws: If a tensor is missing or of another shape, or cannot be read.
  package func layer(_ index: Int, _ weights: any WeightSource, _ states: Activations) throws {
    let names = weights.names
    let linears = shape.linears(names, layer: index)
    for linear in linears {
      try weights.check(linear.name, rows: linear.outputs, columns: linear.inputs)
    }
    try prepare(shape.tensors(names, layer: index), of: weights)
    let step = linear(weights)
    func gain(_ name: String, _ count: Int? = nil) throws -> [Float] {
      let values = try weights.vector(
        names.layer(index, "\(name).weight"), count: count ?? shape.width
      ) { step.note($0) }
      return shape.gainsFromOne ? values.map { 1 + $0 } : values
    }
    func multiply(
      _ inputs: Activations, _ places: [LinearPlace], into outputs: Activations, adds: Bool = false
    ) throws {
      try look?(places, inputs, batch.rowCount)
      try step.multiply(
        inputs, places, into: outputs, rowCount: batch.rowCount, adds: adds)
    }
    try norm(states, try gain("input_layernorm"))
    try multiply(inner, shape.attentionInputs(names, layer: index), into: wide)
    try placeHeads(
      gains: shape.normsHeads
        ? (
          queries: try gain("self_attn.q_norm", shape.headWidth),
          keys: try gain("self_attn.k_norm", shape.headWidth)
        ) : nil)
    try attend(window: shape.windows[index])
    let middle = shape.normsOutputs ? inner : states
    try multiply(
      wide, [shape.attentionOutput(names, layer: index)], into: middle, adds: !shape.normsOutputs)
    if shape.normsOutputs { try add(try gain("post_attention_layernorm"), to: states) }
    try norm(
      states,
      try gain(shape.normsOutputs ? "pre_feedforward_layernorm" : "post_attention_layernorm"))
    try multiply(inner, shape.innerInputs(names, layer: index), into: wide)
    try gate()
    try multiply(
      wide, [shape.innerOutput(names, layer: index)], into: middle, adds: !shape.normsOutputs)
    if shape.normsOutputs { try add(try gain("post_feedforward_layernorm"), to: states) }
  }

  /// Scores all answers by the states behind the last layer.
  package func scores(_ weights: any WeightSource, _ states: Activations) throws -> [TokenScore] {
    let names = weights.names
    try weights.check(names.head, rows: shape.tokenCount, columns: shape.width)
    try prepare(names.tensorsBehindLayers, of: weights)
    let step = linear(weights)
    let stored = try weights.vector(names.lastNorm, count: shape.width) { step.note($0) }
    let gain = shape.gainsFromOne ? stored.map { 1 + $0 } : stored
    let room = try Activations(
      rowCount: TokenBatch.padded(batch.answerCount), columnCount: shape.width, in: directory)
    let epsilon = shape.epsilon
    try Graph.forEach(
      Array(batch.sequences.indices), "norm", threads: threads, cancellation: cancellation
    ) { [batch] index, _ in
      let sequence = batch.sequences[index]
      for answer in 0..<sequence.answerCount {
        let row = batch.starts[index] + sequence.answerStart - 1 + answer
        // SAFETY: a row of states and one of the room for each answer, of the gain's length.
        unsafe RowFunctions.norm(
          states.row(row), gain, epsilon: epsilon, into: room.row(batch.answers[index] + answer))
      }
    }
    let targets = batch.sequences.flatMap { $0.tokens[$0.answerStart...] }
    let head = unsafe HeadStep(
      linear: step, shape: shape, head: names.head, look: logitLook)
    let scores = try head.scores(room, targets)
    guard scores.allSatisfy({ $0.logProbability.isFinite }) else {
      throw EvaluationError.badInput(
        "a logit of the model is not finite", file: weights.path,
        remedy: "Its weights are, but what is computed of them leaves the range of Float32.")
    }
    return scores
  }
}
