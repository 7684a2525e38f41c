import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Inputs: what is pruned")
struct RoleCaseTests {
  /// The share of a merged tensor that is the base's.
  private func unchanged(_ found: InputCase.Result, _ name: String) throws -> Double {
    let merged = try #require(found.model[name]?.floats)
    let base = try #require(try TinyModel.read(found.directory("base"))[name]?.floats)
    return Double(zip(merged, base).count { $0 == $1 }) / Double(base.count)
  }

  private static func encoder(_ seed: UInt64) -> [TinyTensor] {
    InputCase.tensors(
      [("bert.embeddings.word_embeddings.weight", [40, 16])]
        + (0..<2).flatMap { block in
          [
            ("attention.self.query", [16, 16]), ("intermediate.dense", [32, 16]),
            ("output.dense", [16, 32]),
          ].map { ("bert.encoder.layer.\(block).\($0.0).weight", $0.1) }
        }, seed)
  }

  @Test("the layers of encoders are pruned")
  func encoders() throws {
    let input = try InputCase()
    try input.writeFamily(config: #"{"model_type": "bert"}"#) { Self.encoder($0) }
    let found = try input.run { _ in }
    #expect(try unchanged(found, "bert.encoder.layer.1.intermediate.dense.weight") > 0.5)
    #expect(found.messages(.littlePruned).isEmpty)
    #expect(found.report.models[0].layers.count == 6)
  }

  @Test("where nothing is pruned though it was asked for, that is said with the flag that helps")
  func nothingPruned() throws {
    let input = try InputCase()
    try input.writeFamily(config: "{}") {
      InputCase.tensors([("tower.3x.proj.weight", [8, 8])], $0)
    }
    let messages = try input.run { _ in }.messages(.littlePruned)
    #expect(messages.count == 1 && messages.first?.contains("--linear-include") == true)
    let quiet = try InputCase()
    try quiet.writeFamily(config: "{}") {
      InputCase.tensors([("tower.3x.proj.weight", [8, 8])], $0)
    }
    #expect(try quiet.run().messages(.littlePruned).isEmpty)
  }

  @Test("where little of the blocks is pruned, the largest other tensor is named")
  func littlePruned() throws {
    let input = try InputCase()
    try input.writeFamily(config: "{}") {
      InputCase.tensors(
        [
          ("model.layers.0.mlp.up_proj.weight", [4, 4]),
          ("model.layers.0.conv.weight", [16, 16, 3]),
        ], $0)
    }
    let message = try #require(try input.run { _ in }.messages(.littlePruned).first)
    #expect(message.contains("only 2 %") && message.contains("model.layers.0.conv.weight"))
  }

  @Test("depthwise kernels and routers are merged and not pruned")
  func others() throws {
    let input = try InputCase()
    try input.writeFamily(config: "{}") {
      InputCase.tensors(
        [
          ("backbone.layers.0.mixer.in_proj.weight", [64, 16]),
          ("backbone.layers.0.mixer.conv1d.weight", [64, 1, 4]),
          ("backbone.layers.0.mlp.router.weight", [4, 16]),
        ], $0)
    }
    let found = try input.run { _ in }
    #expect(try unchanged(found, "backbone.layers.0.mixer.conv1d.weight") < 0.2)
    #expect(try unchanged(found, "backbone.layers.0.mlp.router.weight") < 0.2)
    #expect(try unchanged(found, "backbone.layers.0.mixer.in_proj.weight") > 0.5)
  }

  @Test("routers are merged, averaged, kept, or taken from the first model, as asked")
  func routers() throws {
    let name = "model.layers.0.mlp.gate.weight"
    let shapes = [
      (name, [4, 16]), ("model.layers.0.mlp.experts.0.up_proj.weight", [8, 16]),
    ]
    func merged(_ routers: MethodParameters.Routers) throws -> [Float] {
      let input = try InputCase()
      try input.writeFamily(config: "{}") { InputCase.tensors(shapes, $0) }
      return try #require(try input.run { $0.method.routers = routers }.model[name]?.floats)
    }
    func own(_ seed: UInt64) throws -> [Float] {
      try #require(InputCase.tensors(shapes, seed)[0].floats)
    }
    let (base, a, b) = (try own(0), try own(1), try own(2))
    #expect(try merged(.base) == base)
    #expect(try merged(.first) == a)
    let mean = base.indices.map { index -> Float in
      Reference.float(
        bf16: Reference.bf16Bits(
          base[index] + ((a[index] - base[index]) + (b[index] - base[index])) / 2))
    }
    #expect(try merged(.average) == mean)
    // TIES of whole deltas.
    let ties = base.indices.map { index -> Float in
      let merged = Reference.ties([a[index] - base[index], b[index] - base[index]])
      return Reference.float(bf16: Reference.bf16Bits(base[index] + merged))
    }
    #expect(try merged(.merge) == ties)
  }

  private static let experts = 4

  /// The experts of a block, each by itself.
  private static func single(_ seed: UInt64, mixtral: Bool = false) -> [TinyTensor] {
    let parent = "model.layers.0." + (mixtral ? "block_sparse_moe" : "mlp")
    let names = mixtral ? ["w1", "w3", "w2"] : ["gate_proj", "up_proj", "down_proj"]
    return InputCase.tensors(
      [("model.layers.0.self_attn.q_proj.weight", [16, 16]), ("\(parent).gate.weight", [4, 16])]
        + (0..<experts).flatMap { expert in
          zip(names, [[8, 16], [8, 16], [16, 8]]).map {
            ("\(parent).experts.\(expert).\($0).weight", $1)
          }
        }, seed)
  }

  /// The same in stacks, gate and up joined by halves.
  private static func stacked(_ seed: UInt64, mixtral: Bool = false) -> [TinyTensor] {
    let tensors = single(seed, mixtral: mixtral)
    func bytes(_ expert: Int, _ names: [String]) -> [UInt8] {
      names.flatMap { name in
        tensors.first { $0.name.hasSuffix("experts.\(expert).\(name).weight") }?.bytes ?? []
      }
    }
    let (joined, down) =
      mixtral ? (["w1", "w3"], ["w2"]) : (["gate_proj", "up_proj"], ["down_proj"])
    var result = tensors.filter { !$0.name.contains("experts") }
    for index in result.indices where mixtral && result[index].name.contains("gate") {
      result[index].name = "model.layers.0.mlp.gate.weight"
    }
    for (name, own, shape) in [
      ("gate_up_proj", joined, [experts, 16, 16]), ("down_proj", down, [experts, 16, 8]),
    ] {
      guard let shape = TensorShape(shape) else { continue }
      result.append(
        TinyTensor(
          name: "model.layers.0.mlp.experts.\(name)", dtype: .bf16, shape: shape,
          bytes: (0..<experts).flatMap { bytes($0, own) }))
    }
    return result
  }

  @Test(
    "the same experts in stacks or each by itself give the same bytes, in every mixture of layouts",
    arguments: [
      ([false, false, true], false), ([true, true, true], false), ([true, false, true], false),
      ([false, true, false], false), ([true, true, false], true), ([false, true, true], true),
    ])
  func layouts(isStacked: [Bool], mixtral: Bool) throws {
    let config = #"{"model_type": "\#(mixtral ? "mixtral" : "qwen3_moe")"}"#
    for pruning in ["dppa", "dare"] {
      let plain = try InputCase()
      try plain.writeFamily(config: config) { Self.single($0, mixtral: mixtral) }
      func change(_ recipe: inout MergeRecipe) {
        InputCase.prune(pruning, &recipe)
        recipe.models[0].amplification = pruning == "dppa" ? [2, 1.5] : []
      }
      let expected = try plain.run(change)
      let mixed = try InputCase()
      try mixed.writeFamily(config: config) { seed in
        isStacked[Int(seed)]
          ? Self.stacked(seed, mixtral: mixtral) : Self.single(seed, mixtral: mixtral)
      }
      let found = try mixed.run(change)
      if isStacked[0] {
        #expect(
          found.model["model.layers.0.mlp.gate.weight"]?.bytes
            == expected.model.tensors.first {
              $0.name.hasSuffix("gate.weight") && !$0.name.contains("experts")
            }?.bytes)
        for (name, own) in [
          ("gate_up_proj", mixtral ? ["w1", "w3"] : ["gate_proj", "up_proj"]),
          ("down_proj", [mixtral ? "w2" : "down_proj"]),
        ] {
          let bytes = (0..<Self.experts).flatMap { expert in
            own.flatMap { part in
              expected.model.tensors.first {
                $0.name.hasSuffix("experts.\(expert).\(part).weight")
              }?.bytes ?? []
            }
          }
          #expect(found.model["model.layers.0.mlp.experts.\(name)"]?.bytes == bytes)
        }
      } else {
        #expect(found.model.tensors == expected.model.tensors)
      }
      // The rates of experts are those of single layers.
      #expect(
        found.report.models[0].layers.map { $0.cuts.rates }
          == expected.report.models[0].layers.map { $0.cuts.rates })
      #expect(
        try CheckpointVerifier(found.directory("out"), threads: 2).verify().differences.isEmpty)
    }
  }

  @Test("in_proj_weight of PyTorch's attention is a layer")
  func inProjection() throws {
    let input = try InputCase()
    let name = "visual.transformer.resblocks.0.attn.in_proj_weight"
    try input.writeFamily(config: "{}") {
      InputCase.tensors([(name, [48, 16]), ("visual.proj.weight", [4, 4])], $0)
    }
    #expect(try unchanged(try input.run { _ in }, name) > 0.5)
  }
}
