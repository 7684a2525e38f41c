import Foundation
import SluiceArchitecture
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceStages
import SluiceTestSupport
import Testing

/// `tokenizer` and `tokenizer_source`: rows of embeddings and heads go by token.
@Suite("Tokens of merged models")
struct VocabularyTests {
  @Test(
    "rows of a union, of tokens of one's own, and filled up, are those of the reference",
    arguments: [("linear", false), ("linear", true), ("ties", true)], [DType.bf16, .f32])
  func rows(method: (String, Bool), dtype: DType) throws {
    let directory = try TokenFamily.family(dtype)
    let (name, base) = method
    let type = try #require(DType.torchNames.first { $0.value == dtype.rawValue }?.key)
    let block = """
      tokenizer:
        source: union
        pad_to_multiple_of: 16
        tokens:
          <new>: {source: {kind: model_token, model: models/law, token: t3}}
          <none>: {source: {kind: zero}, force: true}
          t5: {source: models/math, force: true}
          <l>: {source: models/law, force: true}
      dtype: \(type)

      """
    for (more, change) in [
      ("tokenizer_source: union\ndtype: \(type)\n", { _ in }),
      (
        block,
        { reference in
          reference.multiple = 16
          reference.said = [
            "<new>": (.token("t3", 2), false), "<none>": (.zero, true), "t5": (.model(0), true),
            "<l>": (.model(2), true),
          ]
        }
      ),
    ] as [(String, (inout TokenReference) -> Void)] {
      let recipe = try directory.recipe(TokenFamily.text(name, more, base: base))
      let merged = try directory.run(recipe)
      var options = RunOptions(threads: 1)
      options.stripElements = Granularity.grainElements
      options.memory = .mebibytes(64)
      options.io = .mmap
      try directory.run(recipe, options: options).model.expectSameBytes(as: merged.model)
      let again = try directory.recipe(recipe.resolvedText())
      #expect(again == recipe && again.fingerprint == recipe.fingerprint)
      let union = TokenFamily.tokens[base ? "base" : "math"] ?? []
      let order = base ? ["math", "law"] : ["base", "law"]
      var tokens = union
      for other in order {
        for token in TokenFamily.tokens[other] ?? [] where !tokens.contains(token) {
          tokens.append(token)
        }
      }
      let table = try TokenTable(
        tokenizer: [UInt8](
          Data(contentsOf: URL(fileURLWithPath: merged.output + "/tokenizer.json"))))
      if more == block { tokens += ["<new>", "<none>"] }
      #expect(table.tokens == tokens.map { TokenTable.hash(of: $0) })
      let rows = more == block ? (tokens.count + 15) / 16 * 16 : tokens.count
      #expect(merged.model.config.contains("\"vocab_size\": \(rows)"))
      for tensor in merged.model.tensors where TokenFamily.holdsTokens(tensor) {
        #expect(tensor.shape.dimensions[0] == rows)
        let values = try TokenFamily.expected(
          directory, tensor.name, dtype, method: name, base: base, tokens: tokens, change: change)
        let expected = TinyTensor(
          tensor.name, dtype, tensor.shape.dimensions, values: values.map(Double.init))
        #expect(tensor == expected, "\(tensor.name) \(more)")
      }
      #expect(merged.model.tensors.contains(where: TokenFamily.holdsTokens))
    }
  }

  @Test("the tokens of another model, with its tokenizer; what is copied as it is stays so")
  func otherModel() throws {
    let directory = try TokenFamily.family()
    let recipe = try directory.recipe(
      "merge_method: passthrough\nmodels: [{model: models/math}]\ntokenizer_source: models/law\n")
    let merged = try directory.run(recipe)
    let own = try TinyModel.read(directory("models/math"))
    let name = "model." + TinyModel.embeddingSuffix
    let (rows, found) = (try #require(own[name]), try #require(merged.model[name]))
    let width = rows.shape.dimensions[1] * 2
    let tokens = TokenFamily.tokens["law"] ?? []
    #expect(found.shape.dimensions[0] == tokens.count)
    for (row, token) in tokens.enumerated() {
      let bytes = (TokenFamily.tokens["math"] ?? []).firstIndex(of: token).map {
        Array(rows.bytes[$0 * width..<($0 + 1) * width])
      }
      #expect(
        Array(found.bytes[row * width..<(row + 1) * width]) == bytes
          ?? Array(repeating: 0, count: width))
    }
    for name in ["tokenizer.json", "tokenizer_config.json"] {
      let files = [merged.output, directory("models/law")].map {
        try? String(contentsOfFile: "\($0)/\(name)", encoding: .utf8)
      }
      #expect(files[0] != nil && files[0] == files[1])
    }
    let norm = try #require(own["model.norm.weight"])
    #expect(merged.model["model.norm.weight"] == norm)
  }

  @Test(
    "tokens beyond a base's rows are left out of its tokenizer; templates are chosen and written")
  func files() throws {
    let directory = try TokenFamily.family()
    try directory.write(
      """
      {"added_tokens": [{"id": 20, "content": "<gone>"}, {"id": 1, "content": "t1", "special": true}],
       "model": {"type": "BPE", "vocab": {"a": 0, "b": 19, "ab": 21}, "merges": ["a b", ["ab", "a"]]}}
      """, to: "models/base/tokenizer.json")
    try directory.write("one {{ bos_token }} two\n", to: "models/math/chat_template.jinja")
    try directory.write("one {{ bos_token }} two", to: "models/law/chat_template.jinja")
    let recipe = try directory.recipe(
      "merge_method: ram\nbase_model: models/base\nmodels: [{model: models/math}, {model: models/law}]\n"
        + "tokenizer_source: base\nchat_template: auto\n")
    let output = try directory.run(recipe).output
    func read(_ name: String) throws -> String {
      try String(contentsOfFile: "\(output)/\(name)", encoding: .utf8)
    }
    #expect(
      try read("tokenizer.json") == """
        {"added_tokens": [{"id": 1, "content": "t1", "special": true}],
         "model": {"type": "BPE", "vocab": {"a": 0, "b": 19}, "merges": ["a b"]}}
        """)
    #expect(try read("chat_template.jinja") == "one {{ bos_token }} two")
    #expect(
      try read("tokenizer_config.json")
        == "{\"added_tokens_decoder\": {}, \"chat_template\": \"one {{ bos_token }} two\"}")
    let named = try directory.recipe(
      "merge_method: ram\nbase_model: models/base\nmodels: [{model: models/math}]\ntokenizer_source: union\n"
        + "chat_template: chatml\n")
    let other = try directory.run(named).output
    #expect(
      try String(contentsOfFile: "\(other)/chat_template.jinja", encoding: .utf8)
        == ChatTemplates.text("chatml"))
    let config = try String(contentsOfFile: "\(other)/tokenizer_config.json", encoding: .utf8)
    #expect(config.contains(#""20":{"content":"#) || config.contains(#""20": {"content":"#))
    var options = RunOptions(threads: 1)
    options.copiesTokenizer = false
    let bare = try directory.run(
      try directory.recipe(
        "merge_method: passthrough\nmodels: [{model: models/math}]\n"), options: options
    ).output
    #expect(!FileManager.default.fileExists(atPath: "\(bare)/tokenizer.json"))
  }

  @Test(
    "what cannot be done with tokens is refused",
    arguments: [
      ("tokenizer: {tokens: {x: {force: true}}}", "it is not said from where"),
      (
        "tokenizer: {tokens: {x: {source: {kind: model_token, model: models/law}}}}",
        "one of token and token_id"
      ),
      (
        "tokenizer: {tokens: {x: {source: {kind: model_token, model: models/law, token: nope}}}}",
        "has no token \"nope\""
      ),
      (
        "tokenizer: {tokens: {x: {source: {kind: model_token, model: models/law, token_id: 21}}}}",
        "has no row 21"
      ),
      ("tokenizer: {tokens: {x: {source: models/law}}}", "of a model that lacks it"),
      ("tokenizer: {tokens: {x: {source: models}}}", "of a model that is not merged"),
      ("tokenizer: {}\ntokenizer_source: base", "a recipe has one of them"),
      ("tokenizer_source: models", "there is no tokenizer.json"),
      ("chat_template: nope", "neither a template nor the name of one"),
    ])
  func refused(more: String, message: String) throws {
    let directory = try TokenFamily.family()
    let thrown = #expect(throws: (any Error).self) {
      let recipe = try directory.recipe(TokenFamily.text("linear", more, base: false))
      _ = try MergePlan(recipe, options: RunOptions(threads: 1))
    }
    let error = try #require(thrown as? any SluiceError)
    #expect(error.failure.message.contains(message), "\(error.failure)")
  }
}
