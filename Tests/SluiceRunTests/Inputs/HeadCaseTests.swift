import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Inputs: heads, configs and vocabularies")
struct HeadCaseTests {
  private static let tied =
    #"{"model_type": "llama", "vocab_size": 40, "tie_word_embeddings": true}"#

  @Test("a head under language_model unties a tied base, in every section of its config")
  func headUnderLanguageModel() throws {
    func config(_ isTied: Bool) -> String {
      #"{"model_type": "vlm", "tie_word_embeddings": \#(isTied), "text_config": {"vocab_size": 40, "tie_word_embeddings": \#(isTied)}}"#
    }
    let input = try InputCase()
    for (seed, name) in ["base", "a", "b"].enumerated() {
      try input.write(
        name, InputCase.llama(UInt64(seed), prefix: "language_model.", hasHead: name == "a"),
        config: config(name != "a"))
    }
    let found = try input.run()
    #expect(found.model["language_model.lm_head.weight"] != nil)
    #expect(found.model.config == config(false))
    #expect(found.messages(.untiedHead).count == 1)
  }

  @Test("a stored head of a tied model that is not its embedding does not count, and is said")
  func staleHead() throws {
    let input = try InputCase()
    let embedding = "model.embed_tokens.weight"
    func tied(_ seed: UInt64, head: [UInt8]? = nil) -> [TinyTensor] {
      var tensors = InputCase.llama(seed, hasHead: false)
      if var own = tensors.first(where: { $0.name == embedding }) {
        own.name = "lm_head.weight"
        if let head { own.bytes = head }
        tensors.append(own)
      }
      return tensors
    }
    try input.write("base", tied(0), config: Self.tied)
    try input.write("a", tied(1, head: Array(repeating: 0, count: 40 * 16 * 2)), config: Self.tied)
    try input.write("b", tied(2), config: Self.tied)
    let found = try input.run()
    #expect(found.messages(.untiedHead).count == 1)
    #expect(found.messages(.untiedHead).first?.contains("model a stores a head") == true)
    #expect(found.model["lm_head.weight"]?.bytes == found.model[embedding]?.bytes)
  }

  @Test("a nested number of rows is raised where it stands, and nowhere else")
  func nestedVocabulary() throws {
    let input = try InputCase()
    func config(_ rows: Int) -> String {
      #"{"model_type": "vlm", "text_config": {"vocab_size": \#(rows), "hidden_size": 16}}"#
    }
    try input.write("base", InputCase.llama(0), config: config(40))
    try input.write("a", InputCase.llama(1, vocabulary: 48), config: config(48))
    try input.write("b", InputCase.llama(2), config: config(40))
    let found = try input.run {
      InputCase.average(&$0)
      $0.method.vocabulary = .extend
    }
    #expect(found.model.config == config(48))
    #expect(found.model["lm_head.weight"]?.shape.dimensions == [48, 16])
  }

  @Test("rows that only the head of a model has more are refused")
  func headAlone() throws {
    let input = try InputCase()
    try input.writeFamily()
    let longer = InputCase.llama(1, vocabulary: 64).first { $0.name == "lm_head.weight" }
    try input.write(
      "a", InputCase.llama(1).map { $0.name == "lm_head.weight" ? longer ?? $0 : $0 })
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.method.vocabulary = .extend
    }
    #expect(refusal.message.contains("64 rows") && refusal.message.contains("40"))
  }

  @Test(
    "an empty tensor is no shorter vocabulary",
    arguments: MethodParameters.Vocabulary.allCases.filter { $0 != .match })
  func empty(vocabulary: MethodParameters.Vocabulary) throws {
    let input = try InputCase()
    try input.writeFamily()
    let tensors = InputCase.llama(1).map { tensor in
      tensor.name.contains("norm") ? TinyTensor(tensor.name, .bf16, [0], values: []) : tensor
    }
    try input.write("a", tensors)
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.method.vocabulary = vocabulary
    }
    #expect(refusal.message.contains("empty ([0])") && refusal.whole.contains("ZeRO-3"))
  }

  @Test("a norm with fewer rows is no vocabulary either")
  func shortNorm() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.write(
      "a",
      InputCase.llama(1).map {
        $0.name == "model.norm.weight"
          ? TinyTensor($0.name, .bf16, [8], values: Array(repeating: 1, count: 8)) : $0
      })
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.method.vocabulary = .base
    }
    #expect(refusal.message == "the shape is [8], the base's is [16]")
  }

  @Test("what weights were trained for is warned about with key and values")
  func rope() throws {
    let input = try InputCase()
    try input.writeFamily(config: #"{"model_type": "llama", "rope_theta": 10000.0}"#)
    try input.write(
      "a", InputCase.llama(1), config: #"{"model_type": "llama", "rope_theta": 1000000.0}"#)
    let messages = try input.run().messages(.configDiffers)
    #expect(messages.count == 1)
    #expect(messages.first?.contains("rope_theta is 1000000 (the base's is 10000)") == true)
  }

  @Test("another number of heads is refused, though the shapes are the same")
  func heads() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.write(
      "b", InputCase.llama(2), config: #"{"model_type": "llama", "num_attention_heads": 8}"#)
    let refusal = try input.refusal()
    #expect(refusal.subject.model == "b" && refusal.message.contains("num_attention_heads is 8"))
  }

  private static func tokenizer(_ tokens: [String], added: [(Int, String)] = []) -> String {
    let vocabulary = tokens.enumerated().map { "\"\($1)\": \($0)" }.joined(separator: ", ")
    let more = added.map { #"{"id": \#($0.0), "content": "\#($0.1)"}"# }.joined(separator: ", ")
    return
      #"{"added_tokens": [\#(more)], "model": {"type": "WordLevel", "vocab": {\#(vocabulary)}}}"#
  }

  private static let tokens = (0..<40).map { "t\($0)" }

  @Test("another token for an id is warned about")
  func otherTokens() throws {
    let input = try InputCase()
    try input.writeFamily()
    for name in ["base", "b"] {
      try input.directory.write(Self.tokenizer(Self.tokens), to: "\(name)/tokenizer.json")
    }
    var other = Self.tokens
    other.swapAt(1, 2)
    try input.directory.write(Self.tokenizer(other), to: "a/tokenizer.json")
    let messages = try input.run().messages(.tokenizerDiffers)
    #expect(messages.count == 1)
    #expect(messages.first?.contains("another token to 2 of the base's 40 ids") == true)
  }

  @Test("further rows bring the tokenizer that knows them along, template and all")
  func extended() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.write("a", InputCase.llama(1, vocabulary: 42))
    for name in ["base", "b"] {
      try input.directory.write(Self.tokenizer(Self.tokens), to: "\(name)/tokenizer.json")
    }
    let own = Self.tokenizer(Self.tokens, added: [(40, "<start>"), (41, "<end>")])
    try input.directory.write(own, to: "a/tokenizer.json")
    try input.directory.write("{{ messages }}", to: "a/chat_template.jinja")
    let found = try input.run {
      InputCase.average(&$0)
      $0.method.vocabulary = .extend
    }
    #expect(try found.text("tokenizer.json") == own)
    #expect(try found.text("chat_template.jinja") == "{{ messages }}")
    #expect(found.messages(.tokenizerDiffers).count == 1)
    #expect(found.model.config.contains(#""vocab_size": 42"#))
  }

  @Test("other tokens for the same further rows are refused")
  func conflictingTokens() throws {
    let input = try InputCase()
    try input.writeFamily { InputCase.llama($0, vocabulary: $0 == 0 ? 40 : 41) }
    try input.directory.write(Self.tokenizer(Self.tokens), to: "base/tokenizer.json")
    for name in ["a", "b"] {
      try input.directory.write(
        Self.tokenizer(Self.tokens, added: [(40, "<\(name)>")]), to: "\(name)/tokenizer.json")
    }
    let refusal = try input.refusal {
      InputCase.average(&$0)
      $0.method.vocabulary = .extend
    }
    #expect(refusal.subject.model == "b" && refusal.message.contains("other tokens"))
  }

  @Test("padded vocabularies are no difference of tokenizers")
  func padded() throws {
    let input = try InputCase()
    try input.writeFamily()
    for name in ["base", "a", "b"] {
      try input.directory.write(
        Self.tokenizer(Array(Self.tokens.prefix(33))), to: "\(name)/tokenizer.json")
    }
    #expect(try input.run().messages(.tokenizerDiffers).isEmpty)
  }

  @Test("a tokenizer that is broken is said, and stops nothing")
  func brokenTokenizer() throws {
    let input = try InputCase()
    try input.writeFamily()
    try input.directory.write(Self.tokenizer(Self.tokens), to: "base/tokenizer.json")
    try input.directory.write("{", to: "a/tokenizer.json")
    #expect(
      try input.run().messages(.tokenizerDiffers).first?.contains("could not be compared") == true)
  }
}
