internal import Foundation
internal import SluiceCore

/// A tiny model of a family, and what transformers makes of it (`bench/decoders/make_fixtures.py`).
package struct DecoderFixture: Sendable {
  /// A sequence and what was found of it.
  package struct Sequence: Sendable, Codable {
    /// The tokens.
    package var tokens: [Int32]
    /// The first that is asked about.
    package var answerStart: Int
    /// The logarithms of the probabilities of those that are.
    package var logProbabilities: [Double]
    /// Whether each is the most probable one.
    package var greedy: [Bool]
    /// The logits of the last, where they are kept.
    package var lastLogits: [Float]
  }

  /// All fixtures.
  package static let names = [
    "llama2", "llama3", "llama-linear", "mistral", "qwen2", "qwen3", "gemma2", "phi3",
  ]

  /// The name.
  package let name: String
  /// The model.
  package let model: TinyModel
  /// The sequences.
  package let sequences: [Sequence]

  private struct Content: Codable {
    var tensors: [String: [Int]]
    var sequences: [Sequence]
  }

  /// Reads a fixture.
  package init(_ name: String) throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Tests/Fixtures/decoders/\(name).json")
    let data = try Data(contentsOf: file)
    let content = try JSONDecoder().decode(Content.self, from: data)
    let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    let config = try JSONSerialization.data(
      withJSONObject: object["config"] ?? [:], options: .sortedKeys)
    self.name = name
    sequences = content.sequences
    let gainsFromOne = name == "gemma2"
    model = TinyModel(
      tensors: content.tensors.sorted { $0.key < $1.key }.map { tensor, shape in
        TinyTensor(
          tensor, .bf16, shape,
          values: DecoderFixture.weights(tensor, shape.reduce(1, *), gainsFromOne))
      }, config: String(decoding: config, as: UTF8.self))
  }

  /// Numbers that follow from a tensor's name, and that BF16 holds exactly.
  private static func weights(_ name: String, _ count: Int, _ gainsFromOne: Bool) -> [Double] {
    var state = name.utf8.reduce(UInt64(14_695_981_039_346_656_037)) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    return (0..<count).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      mixed ^= mixed >> 31
      let value = (Double(mixed >> 57) - 64) / 128
      if name.contains("norm") { return gainsFromOne ? value : value + 1 }
      return name.contains("embed") ? value * 4 : value / 2
    }
  }
}
