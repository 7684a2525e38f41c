import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Inputs: the same model in two layouts gives the same bytes")
struct LayoutCaseTests {
  private static let shapes = [
    ("transformer.h.0.attn.c_attn.weight", [48, 16]),
    ("transformer.h.0.attn.c_proj.weight", [16, 16]),
    ("transformer.h.0.mlp.c_fc.weight", [64, 16]), ("transformer.h.0.mlp.c_proj.weight", [16, 64]),
    ("transformer.wte.weight", [40, 16]), ("transformer.h.0.ln_1.weight", [16]),
  ]

  private static func isLayer(_ tensor: TinyTensor) -> Bool {
    tensor.name.contains(".c_") && tensor.shape.rank == 2
  }

  /// A merge of GPT-2's layers as `Linear` or as `Conv1D` keeps them.
  private func run(
    _ method: String, isConv1D: [Bool], shapes: [(String, [Int])] = LayoutCaseTests.shapes,
    options: RunOptions? = nil
  ) throws -> InputCase.Result {
    let input = try InputCase()
    for (seed, name) in (["base"] + input.models).enumerated() {
      var tensors = InputCase.tensors(shapes, UInt64(seed))
      try LayoutCase.writeFiles(tensors.filter(Self.isLayer), for: name, in: input.directory)
      // The bias tells how the matrix beside it lies.
      let biases = InputCase.tensors(
        tensors.filter(Self.isLayer).map {
          ("\($0.name.dropLast(6))bias", [$0.shape.dimensions[0]])
        }, UInt64(seed))
      if isConv1D[seed] {
        tensors = tensors.map { Self.isLayer($0) ? LayoutCase.transpose($0) : $0 }
      }
      // The square one can only be told by the kind of model.
      let type = isConv1D[seed] ? "gpt2" : "gpt2-linear"
      try input.write(
        name, tensors + biases,
        config: Set(isConv1D).count > 1 ? "{}" : #"{"model_type": "\#(type)"}"#)
    }
    let recipe = try input.recipe { LayoutCase.choose(method, &$0, in: input.directory) }
    let plan = try MergePlan(recipe, options: options ?? RunOptions(threads: 2))
    let report = try MergeRun(plan, output: input.directory("out")).execute()
    return InputCase.Result(
      directory: input.directory, report: report,
      model: try TinyModel.read(input.directory("out")))
  }

  @Test(
    "Conv1D and Linear, whatever the method",
    arguments: ["dppa", "dare", "magnitude", "wanda", "sparsegpt", "regmean"])
  func conv1D(method: String) throws {
    let plain = try run(method, isConv1D: [false, false, false])
    let turned = try run(method, isConv1D: [true, true, true])
    for tensor in plain.model.tensors {
      let found = try #require(turned.model[tensor.name])
      #expect(found == (Self.isLayer(tensor) ? LayoutCase.transpose(tensor) : tensor))
    }
    #expect(
      turned.report.models.map { $0.layers.map(\.cuts.rates) }
        == plain.report.models.map { $0.layers.map(\.cuts.rates) })
    #expect(
      try CheckpointVerifier(turned.directory("out"), threads: 2).verify().differences.isEmpty)
  }

  @Test("Conv1D and Linear in one family, the output as the base has it")
  func mixedConv1D() throws {
    let shapes = Self.shapes.filter { $0.1.count == 1 || $0.1[0] != $0.1[1] }
    let expected = try run("wanda", isConv1D: [false, false, false], shapes: shapes)
    for layout in [[true, false, true], [false, true, false]] {
      let found = try run("wanda", isConv1D: layout, shapes: shapes)
      for tensor in expected.model.tensors {
        let own = layout[0] && Self.isLayer(tensor) ? LayoutCase.transpose(tensor) : tensor
        #expect(found.model[tensor.name] == own)
      }
    }
  }

  @Test("threads, chunks, memory and ways to read change no byte of scattered layers")
  func variants() throws {
    let shapes = [("transformer.h.0.mlp.c_fc.weight", [70, 1001])]
    var expected: TinyModel?
    for (threads, memory, io, grains): (Int, Int, InputMode, Int) in [
      (1, 48, .pread, 1), (7, 4096, .mmap, 8), (2, 64, .mmap, 2),
    ] {
      var options = RunOptions(threads: threads)
      options.memory = .mebibytes(memory)
      options.io = io
      options.stripElements = max(grains, 1) * Granularity.grainElements
      options.chunkElements = Granularity.grainElements
      let found = try run("dare", isConv1D: [true, true, true], shapes: shapes, options: options)
      if let expected { #expect(found.model == expected) } else { expected = found.model }
      #expect(
        try CheckpointVerifier(found.directory("out"), threads: 2).verify().differences.isEmpty)
    }
    let plain = try run("dare", isConv1D: [false, false, false], shapes: shapes)
    let tensor = try #require(plain.model.tensors.first { Self.isLayer($0) })
    #expect(expected?[tensor.name] == LayoutCase.transpose(tensor))
  }

  private static let experts = 3
  private static let parent = "model.layers.0.mlp.experts"

  /// Experts each by themselves, with biases.
  private static func single(_ seed: UInt64) -> [TinyTensor] {
    InputCase.tensors(
      [
        ("model.layers.0.self_attn.q_proj.weight", [16, 16]),
        ("model.layers.0.mlp.router.weight", [3, 16]),
      ]
        + (0..<experts).flatMap { expert in
          [
            ("gate_proj.weight", [24, 16]), ("up_proj.weight", [24, 16]),
            ("down_proj.weight", [16, 24]),
            ("gate_proj.bias", [24]), ("up_proj.bias", [24]), ("down_proj.bias", [16]),
          ].map { ("\(parent).\(expert).\($0.0)", $0.1) }
        }, seed)
  }

  /// Any model's experts put into stacks as inputs x outputs.
  private static func stacked(_ tensors: [TinyTensor], interleaved: Bool) -> [TinyTensor] {
    func own(_ expert: Int, _ name: String) -> TinyTensor? {
      tensors.first { $0.name == "\(parent).\(expert).\(name)" }
    }
    var (joined, down, joinedBias, downBias): ([UInt8], [UInt8], [UInt8], [UInt8]) = (
      [], [], [], []
    )
    for expert in 0..<experts {
      guard let gate = own(expert, "gate_proj.weight"), let up = own(expert, "up_proj.weight"),
        let back = own(expert, "down_proj.weight"), let shape = TensorShape([24, 1]),
        let gateBias = own(expert, "gate_proj.bias"), let upBias = own(expert, "up_proj.bias")
      else { continue }
      joined += LayoutCase.join(gate, up, interleaved: interleaved)
      down += LayoutCase.transpose(back).bytes
      let biases = [gateBias, upBias].map {
        TinyTensor(name: "", dtype: .bf16, shape: shape, bytes: $0.bytes)
      }
      joinedBias += LayoutCase.join(biases[0], biases[1], interleaved: interleaved)
      downBias += own(expert, "down_proj.bias")?.bytes ?? []
    }
    let stacks: [(String, [Int], [UInt8])] = [
      ("gate_up_proj", [experts, 16, 48], joined), ("down_proj", [experts, 24, 16], down),
      ("gate_up_proj_bias", [experts, 48], joinedBias),
      ("down_proj_bias", [experts, 16], downBias),
    ]
    return tensors.filter { !$0.name.contains("experts") }
      + stacks.compactMap { name, shape, bytes in
        TensorShape(shape).map {
          TinyTensor(name: "\(parent).\(name)", dtype: .bf16, shape: $0, bytes: bytes)
        }
      }
  }

  @Test(
    "experts of gpt-oss and Llama 4 in stacks or each by itself, in every mixture of layouts",
    arguments: ["gpt_oss", "llama4_text"],
    [
      [false, false, false], [true, true, true], [true, false, false], [false, true, false],
      [true, false, true],
    ])
  func experts(type: String, isStacked: [Bool]) throws {
    let config = #"{"model_type": "\#(type)"}"#
    for method in ["dppa", "dare"] {
      func run(_ isStacked: [Bool]) throws -> InputCase.Result {
        let input = try InputCase()
        try input.writeFamily(config: config) { seed in
          isStacked[Int(seed)]
            ? Self.stacked(Self.single(seed), interleaved: type == "gpt_oss") : Self.single(seed)
        }
        return try input.run { LayoutCase.choose(method, &$0, in: input.directory) }
      }
      let plain = try run([false, false, false])
      let found = try run(isStacked)
      let expected =
        isStacked[0]
        ? Self.stacked(plain.model.tensors, interleaved: type == "gpt_oss") : plain.model.tensors
      #expect(found.model.tensors.count == expected.count)
      for tensor in expected { #expect(found.model[tensor.name] == tensor, "\(tensor.name)") }
      // The rates of experts are those of single layers.
      if method == "dppa" {
        #expect(found.report.models[0].layers.count == 1 + 3 * Self.experts)
      }
      #expect(
        found.report.models[0].layers.map(\.cuts.rates)
          == plain.report.models[0].layers.map(\.cuts.rates))
      #expect(
        try CheckpointVerifier(found.directory("out"), threads: 2).verify().differences.isEmpty)
    }
  }
}
