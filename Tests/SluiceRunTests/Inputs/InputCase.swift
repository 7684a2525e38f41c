import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// Small checkpoints as people have them, a merge of them, and what it said.
struct InputCase {
  struct Result {
    let directory: ScratchDirectory
    let report: MergeReport
    let model: TinyModel

    /// The messages of all warnings of a kind.
    func messages(_ kind: Warning.Kind) -> [String] {
      report.warnings.filter { $0.kind == kind }.map(\.message)
    }

    func text(_ name: String) throws -> String {
      String(decoding: try directory.read("out/\(name)"), as: UTF8.self)
    }

    func has(_ name: String) throws -> Bool {
      try FileStatus.of(directory("out/\(name)"), followingLinks: false)?.kind == .regularFile
    }
  }

  let directory: ScratchDirectory
  /// What the models are called; their directories have the same names.
  var models = ["a", "b"]

  init() throws { directory = try ScratchDirectory() }

  /// A Llama of two blocks, BF16, of any width; heads, norms and all.
  static func llama(
    _ seed: UInt64, vocabulary: Int = 40, prefix: String = "", hasHead: Bool = true
  ) -> [TinyTensor] {
    let (h, i) = (16, 32)
    var shapes: [(String, [Int])] = [
      ("model.embed_tokens.weight", [vocabulary, h]), ("model.norm.weight", [h]),
    ]
    for block in 0..<2 {
      for (name, shape) in [
        ("self_attn.q_proj", [h, h]), ("self_attn.k_proj", [h / 2, h]),
        ("self_attn.v_proj", [h / 2, h]), ("self_attn.o_proj", [h, h]), ("mlp.gate_proj", [i, h]),
        ("mlp.up_proj", [i, h]), ("mlp.down_proj", [h, i]), ("input_layernorm", [h]),
      ] { shapes.append(("model.layers.\(block).\(name).weight", shape)) }
    }
    if hasHead { shapes.append(("lm_head.weight", [vocabulary, h])) }
    return tensors(shapes, seed).map {
      TinyTensor(name: prefix + $0.name, dtype: $0.dtype, shape: $0.shape, bytes: $0.bytes)
    }
  }

  /// Tensors of random weights; those of seed 0 are the base's, and others differ a little from it.
  static func tensors(_ shapes: [(String, [Int])], _ seed: UInt64) -> [TinyTensor] {
    shapes.map { name, shape in
      // Names are given to generators by their ends, so that a prefix changes no number.
      let parts = name.split(separator: ".")
      let own = parts.suffix(
        parts.lastIndex(of: "layers").map { parts.count - $0 } ?? 2
      ).joined(separator: ".")
      var base = RepeatableGenerator(seed: Reference.fnv1a64(own.utf8))
      var other = RepeatableGenerator(seed: Reference.fnv1a64(own.utf8) ^ (seed &* 0x9e37_79b9))
      let count = shape.reduce(1, *)
      let values = (0..<count).map { _ in
        0.05 * base.gaussian() + (seed == 0 ? 0 : 0.01 * other.gaussian())
      }
      return TinyTensor(name, .bf16, shape, values: values)
    }
  }

  static let config =
    #"{"model_type": "llama", "vocab_size": 40, "num_attention_heads": 4, "tie_word_embeddings": false}"#

  func write(_ name: String, _ tensors: [TinyTensor], config: String = InputCase.config) throws {
    try TinyModel(tensors: tensors, config: config).write(to: directory(name))
  }

  /// Writes base, a and b.
  func writeFamily(
    config: String = InputCase.config, _ tensors: (UInt64) -> [TinyTensor] = { llama($0) }
  ) throws {
    for (seed, name) in (["base"] + models).enumerated() {
      try write(name, tensors(UInt64(seed)), config: config)
    }
  }

  /// The plain mean, which looks at every tensor and prunes none.
  static func average(_ recipe: inout MergeRecipe) {
    prune("none", &recipe)
    if let average = MethodParameters.Merging(rawValue: "average") {
      recipe.method.merging = average
    }
  }

  /// Chooses a pruning.
  static func prune(_ name: String, _ recipe: inout MergeRecipe) {
    if let pruning = MethodParameters.Pruning(rawValue: name) { recipe.method.pruning = pruning }
  }

  func recipe(_ change: (inout MergeRecipe) -> Void) throws -> MergeRecipe {
    let rate = try #require(PruningRate(0.8))
    var recipe = MergeRecipe(
      base: directory("base"),
      models: models.map { MergeRecipe.Model(name: $0, path: directory($0)) },
      method: MethodParameters(pruningRate: rate))
    change(&recipe)
    return recipe
  }

  func run(_ change: (inout MergeRecipe) -> Void = average) throws -> Result {
    let plan = try MergePlan(try recipe(change), options: RunOptions(threads: 2))
    let report = try MergeRun(plan, output: directory("out")).execute()
    return Result(directory: directory, report: report, model: try TinyModel.read(directory("out")))
  }

  /// What refuses the merge; nothing may be written.
  func refusal(_ change: (inout MergeRecipe) -> Void = average) throws -> Failure {
    do {
      _ = try run(change)
    } catch let error as any SluiceError {
      #expect(try FileStatus.of(directory("out/model.safetensors")) == nil)
      return error.failure
    }
    throw NotRefused()
  }

  struct NotRefused: Error {}
}

extension Failure {
  /// Message and remedy.
  var whole: String { "\(message) \(remedy ?? "")" }
}
