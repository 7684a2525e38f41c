import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Synchronization
import Testing

@testable import SluiceEvaluate

/// Tiny models of each family against what transformers makes of them in F32.
@Suite("Decoders equal transformers") struct FamilyTests {
  private static let tolerance = 2e-5

  @Test("probabilities, logits and greedy tokens", arguments: DecoderFixture.names)
  func family(_ name: String) throws {
    let fixture = try DecoderFixture(name)
    let directory = try ScratchDirectory()
    try fixture.model.write(to: directory("model"))
    let model = try EvaluatedModel.open(directory("model"))
    let found = try score(model, fixture.sequences)
    var largest = 0.0
    for (sequence, (scores, logits)) in zip(fixture.sequences, found) {
      #expect(scores.map(\.isGreedy) == sequence.greedy)
      let scale = sequence.logProbabilities.map(abs).max() ?? 1
      for (own, theirs) in zip(scores, sequence.logProbabilities) {
        largest = max(largest, abs(own.logProbability - theirs) / scale)
      }
      let widest = sequence.lastLogits.map(abs).max() ?? 1
      for (own, theirs) in zip(logits, sequence.lastLogits) {
        largest = max(largest, Double(abs(own - theirs) / widest))
      }
      #expect(sequence.lastLogits.isEmpty || logits.count == sequence.lastLogits.count)
    }
    #expect(largest <= FamilyTests.tolerance, "\(name): \(largest)")
  }

  /// The scores of each sequence, and the logits of its last token.
  private func score(
    _ model: EvaluatedModel, _ sequences: [DecoderFixture.Sequence]
  ) throws -> [([TokenScore], [Float])] {
    let batch = TokenBatch(
      sequences.map { TokenBatch.Sequence(tokens: $0.tokens, answerStart: $0.answerStart) })
    let needs = try EvaluationNeeds(
      model.shape, batch, threads: 2, memory: .mebibytes(64), scratch: "/nowhere")
    let pass = try ForwardPass(model.shape, batch, needs)
    let logits = Mutex([Int: [Float]]())
    pass.logitLook = { row, first, values in
      logits.withLock { kept in
        kept[row, default: Array(repeating: .nan, count: model.shape.tokenCount)]
          .replaceSubrange(first..<first + values.count, with: values)
      }
    }
    let states = try pass.makeStates()
    try pass.embed(model.weights, into: states)
    for layer in 0..<model.shape.layerCount { try pass.layer(layer, model.weights, states) }
    let scores = try pass.scores(model.weights, states)
    return sequences.indices.map { index in
      let range = batch.answers[index]..<batch.answers[index + 1]
      return (Array(scores[range]), logits.withLock { $0[range.upperBound - 1] ?? [] })
    }
  }

  @Test("the scalar reference agrees, and so is right about what is not in a fixture")
  func reference() throws {
    let fixture = try DecoderFixture("qwen3")
    let sizes = ReferenceDecoder.Sizes(
      width: 32, layers: 2, heads: 4, keyHeads: 2, headWidth: 16, vocabulary: 61)
    let sequence = fixture.sequences[0]
    let logits = ReferenceDecoder(fixture.model, sizes).logits(sequence.tokens)
    let last = logits[sequence.tokens.count - 2]
    for (own, theirs) in zip(last, sequence.lastLogits) {
      #expect(abs(own - Double(theirs)) <= 1e-4)
    }
  }
}
