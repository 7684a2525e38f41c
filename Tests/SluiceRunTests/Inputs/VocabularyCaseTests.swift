import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Inputs: rows matched by token")
struct VocabularyCaseTests {
  private static let width = 16

  /// A model whose rows are those of the tokens given, each by its own number; padding has that of its row.
  private static func model(_ seed: UInt64, tokens: [Int], rows: Int, isTied: Bool = false)
    -> [TinyTensor]
  {
    let own = InputCase.llama(seed, vocabulary: 200, hasHead: !isTied)
    return own.map { tensor in
      guard tensor.name.contains("embed_tokens") || tensor.name.contains("lm_head"),
        let shape = TensorShape([rows, width])
      else { return tensor }
      let bytes = (0..<rows).flatMap { row -> ArraySlice<UInt8> in
        let token = row < tokens.count ? tokens[row] : 100 + row
        return tensor.bytes[token * width * 2..<(token + 1) * width * 2]
      }
      return TinyTensor(name: tensor.name, dtype: .bf16, shape: shape, bytes: bytes)
    }
  }

  /// A tokenizer of words; the last of them are added tokens.
  private static func tokenizer(_ tokens: [Int], added: Int = 0) -> String {
    let vocab = tokens.dropLast(added).enumerated().map { "\"t\($1)\": \($0)" }
    let more = tokens.indices.suffix(added).map {
      #"{"id": \#($0), "content": "t\#(tokens[$0])", "special": true}"#
    }
    return #"{"added_tokens": [\#(more.joined(separator: ", "))], "model": {"type": "WordLevel", "#
      + #""vocab": {\#(vocab.joined(separator: ", "))}}}"#
  }

  struct Spec: Sendable {
    var tokens: [Int]
    var rows: Int
    var added = 0
    var isTied = false
    var file = "tokenizer.json"
  }

  private func input(_ specs: [Spec]) throws -> InputCase {
    let input = try InputCase()
    for (seed, (name, spec)) in zip(["base"] + input.models, specs).enumerated() {
      let config =
        #"{"model_type": "llama", "vocab_size": \#(spec.rows), "tie_word_embeddings": \#(spec.isTied)}"#
      try input.write(
        name, Self.model(UInt64(seed), tokens: spec.tokens, rows: spec.rows, isTied: spec.isTied),
        config: config)
      let text =
        spec.file == "vocab.txt"
        ? spec.tokens.map { "t\($0)" }.joined(separator: "\n")
        : spec.file == "vocab.json"
          ? "{" + spec.tokens.enumerated().map { "\"t\($1)\": \($0)" }.joined(separator: ", ") + "}"
          : Self.tokenizer(spec.tokens, added: spec.added)
      try input.directory.write(text, to: "\(name)/\(spec.file)")
    }
    return input
  }

  private static func matching(_ recipe: inout MergeRecipe) {
    InputCase.average(&recipe)
    recipe.method.vocabulary = .match
  }

  /// What the merged tensors are by the formula: for each token of the base the mean of the deltas of all
  /// models, zero where one does not have the token.
  private func expected(
    _ specs: [Spec], _ name: String
  ) throws -> [Float] {
    let (base, rest) = (specs[0], specs.dropFirst())
    func row(_ seed: Int, _ token: Int) throws -> [Float] {
      let isHead = name.contains("lm_head") && !specs[seed].isTied
      let own = isHead ? "lm_head.weight" : "model.embed_tokens.weight"
      let tensor = InputCase.llama(UInt64(seed), vocabulary: 200).first { $0.name == own }
      let all = try #require(tensor?.floats)
      return Array(all[token * Self.width..<(token + 1) * Self.width])
    }
    return try (0..<base.rows).flatMap { position -> [Float] in
      let token = position < base.tokens.count ? base.tokens[position] : 100 + position
      let own = try row(0, token)
      let deltas = try rest.enumerated().map { index, spec -> [Float] in
        let isThere =
          position < base.tokens.count
          ? spec.tokens.contains(token)
          : position >= spec.tokens.count && position < spec.rows
        guard isThere else { return own.map { _ in 0 } }
        return zip(try row(index + 1, token), own).map { $0 - $1 }
      }
      return own.indices.map { index in
        let sum = deltas.dropFirst().reduce(deltas[0][index]) { $0 + $1[index] }
        return Reference.float(bf16: Reference.bf16Bits(own[index] + sum / Float(deltas.count)))
      }
    }
  }

  static let base = Spec(tokens: Array(0..<37), rows: 40)

  @Test(
    "each row goes with the row of the same token, whatever its number, and padding with padding",
    arguments: [
      // A vocabulary in another order, one with tokens of its own and other padding.
      [
        base, Spec(tokens: (0..<37).map { $0 * 7 % 37 }, rows: 40),
        Spec(tokens: Array(0..<45), rows: 48, added: 8),
      ],
      // Tokens in the middle that the base does not have, and fewer rows than it.
      [
        base, Spec(tokens: [0, 60, 61, 1, 2, 3, 62] + Array(10..<30), rows: 27),
        Spec(tokens: Array(0..<37), rows: 37),
      ],
      [
        Spec(tokens: Array(0..<37), rows: 40, file: "vocab.txt"),
        Spec(tokens: Array((0..<37).reversed()), rows: 64, file: "vocab.json"), base,
      ],
    ])
  func matched(specs: [Spec]) throws {
    let input = try input(specs)
    let found = try input.run(Self.matching)
    for name in ["model.embed_tokens.weight", "lm_head.weight"] {
      #expect(try found.model[name]?.floats == expected(specs, name), "\(name)")
    }
    // The report says so for each model, and the screen does not.
    let messages = found.messages(.matchedRows)
    #expect(messages.count == 2 && found.messages(.tokenizerDiffers).isEmpty)
    #expect(found.messages(.vocabulary).isEmpty)
    let common = Set(specs[1].tokens).intersection(specs[0].tokens).count
    #expect(messages[0].hasPrefix("\(common) of the base's 37 tokens are matched"))
    #expect(messages[0].contains("\(37 - common) that the model does not have"))
    #expect(messages[0].contains("\(specs[1].tokens.count - common) of its own are left out"))
  }

  @Test("tied heads go by the rows of their embeddings")
  func tied() throws {
    var specs = [Self.base, Spec(tokens: Array((0..<37).reversed()), rows: 40), Self.base]
    for index in specs.indices { specs[index].isTied = true }
    let found = try input(specs).run(Self.matching)
    #expect(found.model["lm_head.weight"] == nil)
    let embedding = "model.embed_tokens.weight"
    #expect(try found.model[embedding]?.floats == expected(specs, embedding))
    // A head of its own beside a tied base.
    specs[1].isTied = false
    let untied = try input(specs).run(Self.matching)
    #expect(try untied.model["lm_head.weight"]?.floats == expected(specs, "lm_head.weight"))
  }

  @Test("models of one vocabulary are merged as without it, byte by byte")
  func sameVocabulary() throws {
    let specs = [Self.base, Self.base, Self.base]
    for pruning in ["none", "dare", "dppa"] {
      let plain = try input(specs).run { InputCase.prune(pruning, &$0) }
      let found = try input(specs).run {
        InputCase.prune(pruning, &$0)
        $0.method.vocabulary = .match
      }
      #expect(found.model == plain.model)
    }
  }

  @Test("threads, chunks, ways to read and types of weights change no byte")
  func variants() throws {
    let specs = [
      Self.base, Spec(tokens: (0..<37).map { $0 * 5 % 37 }, rows: 45),
      Spec(tokens: Array(3..<30), rows: 27),
    ]
    let expected = try input(specs).run(Self.matching).model
    for (threads, io) in [(1, InputMode.pread), (3, .mmap)] {
      let input = try input(specs)
      var options = RunOptions(threads: threads)
      options.io = io
      options.chunkElements = Granularity.grainElements
      let plan = try MergePlan(try input.recipe(Self.matching), options: options)
      _ = try MergeRun(plan, output: input.directory("out")).execute()
      #expect(try TinyModel.read(input.directory("out")) == expected)
    }
  }

  @Test("a model without a tokenizer, or with none of the base's tokens, is refused")
  func refused() throws {
    let lacking = try input([Self.base, Self.base, Self.base])
    try Directory.removeFile(lacking.directory("b/tokenizer.json"))
    let failure = try lacking.refusal(Self.matching)
    #expect(failure.subject.model == "b" && failure.whole.contains("tokenizer.json"))
    let strange = try input([Self.base, Spec(tokens: Array(50..<87), rows: 40), Self.base])
    #expect(try strange.refusal(Self.matching).message.contains("no token in common"))
  }

  @Test("where less than half of the tokens are found, the screen says so")
  func poor() throws {
    let specs = [Self.base, Spec(tokens: Array(30..<70), rows: 40), Self.base]
    let found = try input(specs).run(Self.matching)
    #expect(found.messages(.vocabulary).count == 1)
    #expect(try found.model["lm_head.weight"]?.floats == expected(specs, "lm_head.weight"))
  }
}
