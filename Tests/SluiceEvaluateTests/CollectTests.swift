import Foundation
import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceEvaluate

/// What is collected of inputs, against sums by hand.
@Suite("Collected norms, Gram matrices and losses") struct CollectTests {
  private let directory: ScratchDirectory
  private let fixture: DecoderFixture

  init() throws {
    directory = try ScratchDirectory()
    fixture = try DecoderFixture("llama2")
    try fixture.model.write(to: directory("model"))
  }

  private func floats(_ path: String, _ name: String) throws -> [Float] {
    let file = try SafetensorsFile.open(path)
    let entry = try #require(file.header.tensors.first { $0.name == name })
    let bytes = try file.input.bytes(in: entry.byteRange)
    return bytes.withUnsafeBytes { raw in
      (0..<entry.shape.elementCount).map {
        raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
      }
    }
  }

  @Test("the first layer's inputs are normed embeddings; grams and norms are their means")
  func means() throws {
    let texts = [[5, 9, 33, 60], [1, 2, 3], [7]]
    try directory.write(
      texts.map { "\($0)" }.joined(separator: "\n"), to: "texts.jsonl")
    var request = CollectRun.Request(
      models: [("model", directory("model"))], texts: directory("texts.jsonl"))
    (request.norms, request.grams) = (directory("norms"), directory("grams"))
    request.length = 3
    let result = try CollectRun(
      request, threads: 2, memory: .mebibytes(64), scratch: directory.path
    ).run()
    #expect(result.layerCount == 14 && result.tokenCount == 6)
    let tensors = Dictionary(
      uniqueKeysWithValues: fixture.model.tensors.map { ($0.name, $0.floats ?? []) })
    let embedding = try #require(tensors["model.embed_tokens.weight"])
    let gain = try #require(tensors["model.layers.0.input_layernorm.weight"])
    let inputs = [5, 9, 33, 1, 2, 3].map { token -> [Double] in
      let row = embedding[token * 32..<(token + 1) * 32].map(Double.init)
      let root = (row.reduce(0) { $0 + $1 * $1 } / 32 + 1e-5).squareRoot()
      return zip(row, gain).map { $0 / root * Double($1) }
    }
    for name in ["q_proj", "k_proj", "v_proj"] {
      let name = "model.layers.0.self_attn.\(name).weight"
      let (norms, gram) = (try floats(request.norms!, name), try floats(request.grams!, name))
      #expect(norms.count == 32 && gram.count == 1024)
      for i in 0..<32 {
        for j in 0..<32 {
          let mean = inputs.reduce(0) { $0 + $1[i] * $1[j] } / 6
          #expect(abs(Double(gram[i * 32 + j]) - mean) < 1e-5)
        }
        #expect(abs(Double(norms[i]) - Double(gram[i * 33]).squareRoot()) < 1e-5)
      }
    }
    #expect(try floats(request.grams!, "model.layers.1.mlp.down_proj.weight").count == 48 * 48)
    let names = try Directory.list(directory.path).map(\.name).sorted()
    #expect(names == ["grams", "model", "norms", "texts.jsonl"])
  }

  @Test("the loss of a text is the mean of its tokens', that of a model the mean of its texts'")
  func losses() throws {
    let sequences = fixture.sequences.prefix(2)
    try directory.write("\(sequences.map(\.tokens))", to: "texts.json")
    var request = CollectRun.Request(
      models: [("m", directory("model"))], texts: directory("texts.json"))
    request.losses = directory("losses.json")
    let result = try CollectRun(
      request, threads: 1, memory: .mebibytes(64), scratch: directory.path
    ).run()
    let sizes = ReferenceDecoder.Sizes(
      width: 32, layers: 2, heads: 4, keyHeads: 2, headWidth: 8, vocabulary: 61)
    let expected = sequences.map { sequence -> Double in
      let logits = ReferenceDecoder(fixture.model, sizes).logits(sequence.tokens)
      let losses = zip(logits, sequence.tokens.dropFirst()).map { row, token in
        log(row.reduce(0) { $0 + exp($1) }) - row[Int(token)]
      }
      return losses.reduce(0, +) / Double(losses.count)
    }
    let mean = expected.reduce(0, +) / Double(expected.count)
    #expect(abs(result.losses[0].loss - mean) < 1e-4)
    let written = try JSONDecoder().decode(
      [String: Double].self, from: Data(directory.read("losses.json")))
    #expect(written == ["m": result.losses[0].loss])
    // With norms the model is computed once for both, and both are the same to the bit.
    request.norms = directory("with-losses")
    let both = try CollectRun(
      request, threads: 2, memory: .mebibytes(64), scratch: directory.path
    ).run()
    #expect(both.bytesRead == result.bytesRead)
    #expect(both.losses[0].loss == result.losses[0].loss)
    (request.losses, request.norms) = (nil, directory("alone"))
    _ = try CollectRun(request, threads: 1, memory: .mebibytes(64), scratch: directory.path).run()
    #expect(try directory.read("with-losses") == directory.read("alone"))
  }

  @Test("texts that are none name the file and the line") func hostile() throws {
    for (text, part) in [
      ("", "no text"), ("[1]\n", "no text"), ("[1,2]\n[\"a\"]", "line 2"), ("5", "line 1"),
    ] {
      try directory.write(text, to: "bad.jsonl")
      let error = try #require(throws: EvaluationError.self) {
        try ExampleTexts(directory("bad.jsonl"), length: 9)
      }
      #expect(error.failure.message.contains(part), "\(error.failure.message)")
      #expect(error.failure.subject.file == directory("bad.jsonl"))
    }
  }
}
