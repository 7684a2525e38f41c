import Foundation
import SluiceCore
import SluiceTestSupport
import Testing

/// A family whose models have tokens of their own, and what the reference makes of it.
enum TokenFamily {
  /// The tokens of the models; `x7` has no row in any model.
  static let tokens: [String: [String]] = [
    "base": (0..<20).map { "t\($0)" },
    "math": (0..<20).reversed().map { "t\($0)" } + ["<m>", "<both>"],
    "law": (0..<18).map { "t\($0)" } + ["<both>", "<l>", "<law \"2\">"],
  ]

  /// A family whose models have tokenizers of their own, and as many rows as tokens.
  static func family(_ dtype: DType = .bf16) throws -> FamilyDirectory {
    let directory = try FamilyDirectory(dtype: dtype) { $0.vocabularySize = 29 }
    for (name, tokens) in tokens {
      let list = tokens.prefix(20).enumerated().map { "\(quoted($1)): \($0)" }
      let added = tokens.enumerated().dropFirst(20).map {
        #"{"id": \#($0), "content": \#(quoted($1)), "special": true, "lstrip": true}"#
      }
      try directory.write(
        "{\"added_tokens\": [\(added.joined(separator: ", "))], \"model\": {\"type\": \"BPE\", \"vocab\": "
          + "{\(list.joined(separator: ", "))}, \"merges\": []}}",
        to: "models/\(name)/tokenizer.json")
      try directory.write(
        "{\"added_tokens_decoder\": {}, \"chat_template\": \"old {{ x }}\"}",
        to: "models/\(name)/tokenizer_config.json")
      var model = try #require(directory.all[name])
      for index in model.tensors.indices where Self.holdsTokens(model.tensors[index]) {
        let tensor = model.tensors[index]
        let columns = tensor.shape.elementCount / 29
        let values = try #require(tensor.floats).prefix(tokens.count * columns)
        model.tensors[index] = TinyTensor(
          tensor.name, tensor.dtype, [tokens.count, columns], values: values.map(Double.init))
      }
      model.config = model.config.replacingOccurrences(
        of: "\"vocab_size\": 29", with: "\"vocab_size\": \(tokens.count)")
      try FileManager.default.removeItem(atPath: directory("models/\(name)/model.safetensors"))
      try model.write(to: directory("models/\(name)"), layout: ShardingLayout())
    }
    return directory
  }

  static func holdsTokens(_ tensor: TinyTensor) -> Bool {
    tensor.name.hasSuffix(TinyModel.embeddingSuffix) || tensor.name == TinyModel.headName
  }

  static func quoted(_ text: String) -> String {
    "\"\(text.replacingOccurrences(of: "\"", with: "\\\""))\""
  }

  /// A recipe of one method, with what it says of tokens.
  static func text(_ method: String, _ more: String, base: Bool) -> String {
    "merge_method: \(method)\n" + (base ? "base_model: models/base\n" : "")
      + "models:\n"
      + ["math", "base", "law"].map { "  - {model: models/\($0), parameters: {weight: 0.5}}\n" }
      .joined() + more
  }

  /// What the reference makes of a tensor with rows for tokens.
  static func expected(
    _ directory: FamilyDirectory, _ tensor: String, _ dtype: DType, method: String, base: Bool,
    tokens: [String]?, change: (inout TokenReference) -> Void
  ) throws -> [Float] {
    let names = ["math", "base", "law"]
    var columns = 0
    let models = try names.map { name -> TokenReference.Model in
      let own = try #require(
        try TinyModel.read(directory("models/\(name)"))[tensor])
      columns = own.shape.dimensions[1]
      let values = try #require(own.floats)
      let rows = stride(from: 0, to: values.count, by: columns).map {
        Array(values[$0..<$0 + columns])
      }
      return TokenReference.Model(tokens: Self.tokens[name] ?? [], rows: rows)
    }
    var arithmetic = StepReference(dtype)
    arithmetic.columnCount = columns
    arithmetic.shared = ["normalize": 1]
    var reference = TokenReference(models, base: base ? 1 : nil, arithmetic)
    change(&reference)
    let rows = reference.rows(tokens ?? reference.union(base: base ? 1 : 0)).map {
      Array($0.joined())
    }
    let isLinear = method == "linear"
    arithmetic.own = ["weight": Array(repeating: 0.5, count: isLinear ? 3 : 2)]
    return isLinear
      ? arithmetic.merge(method, rows)
      : arithmetic.merge(method, [rows[0], rows[2]], base: rows[1], name: tensor)
  }
}

extension FamilyDirectory {
  /// The models by name.
  fileprivate var all: [String: TinyModel] {
    var models: [String: TinyModel] = ["base": family.base]
    for tuned in family.fineTuned { models[tuned.name] = tuned.model }
    return models
  }
}
