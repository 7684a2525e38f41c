import SluiceArchitecture
import SluiceCore
import SluiceFormats
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Inputs: quantised checkpoints")
struct PackedCaseTests {
  private static let name = "model.layers.0.mlp.up_proj.weight"

  private static func bytes(_ name: String, _ dtype: DType, _ dimensions: [Int], _ seed: UInt64)
    throws -> TinyTensor
  {
    var random = RepeatableGenerator(seed: seed)
    let shape = try #require(TensorShape(dimensions))
    let count = try #require(dtype.byteCount(ofElements: shape.elementCount))
    // Neither NaN nor the ends of the range.
    return TinyTensor(
      name: name, dtype: dtype, shape: shape,
      bytes: (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) & 0xB7 })
  }

  private static func scales(_ name: String, _ dtype: DType, _ dimensions: [Int], _ seed: UInt64)
    -> TinyTensor
  {
    var random = RepeatableGenerator(seed: seed)
    return TinyTensor(
      name, dtype, dimensions,
      values: (0..<dimensions.reduce(1, *)).map { _ in 0.01 + 0.01 * random.uniform() })
  }

  private static let norm = TinyTensor(
    "model.norm.weight", .bf16, [64], values: Array(repeating: 1, count: 64))

  /// The codes and scales of a layout, with its config, for [40, 64] weights.
  private static func layout(_ kind: String, _ seed: UInt64) throws -> (String, [TinyTensor]) {
    let stem = String(name.dropLast(".weight".count))
    func compressed(_ format: String, _ weights: String) -> String {
      #"{"quant_method": "compressed-tensors", "format": "\#(format)", "config_groups": {"group_0": {"weights": \#(weights)}}}"#
    }
    switch kind {
    case "block":
      return (
        #"{"quant_method": "fp8", "weight_block_size": [16, 16]}"#,
        [
          try bytes(name, .f8e4m3, [40, 64], seed),
          scales("\(name)_scale_inv", .f32, [3, 4], seed),
        ]
      )
    case "channel", "tensor":
      return (
        compressed(
          "float-quantized",
          #"{"num_bits": 8, "type": "float", "symmetric": true, "strategy": "\#(kind)"}"#),
        [
          try bytes(name, .f8e4m3, [40, 64], seed),
          scales("\(name)_scale", .bf16, kind == "tensor" ? [1] : [40, 1], seed),
        ]
      )
    case "int4":
      let shape = [UInt8(40), 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0]
      return (
        compressed(
          "pack-quantized", #"{"num_bits": 4, "type": "int", "symmetric": true, "group_size": 32}"#),
        [
          try bytes("\(stem).weight_packed", .i32, [40, 8], seed),
          scales("\(name)_scale", .bf16, [40, 2], seed),
          TinyTensor(
            name: "\(name)_shape", dtype: .i64, shape: try #require(TensorShape([2])), bytes: shape),
        ]
      )
    default:
      return (
        compressed(
          "nvfp4-pack-quantized",
          #"{"num_bits": 4, "type": "float", "symmetric": true, "group_size": 16}"#),
        [
          try bytes("\(stem).weight_packed", .u8, [40, 32], seed),
          try bytes("\(name)_scale", .f8e4m3, [40, 4], seed),
          TinyTensor("\(name)_global_scale", .f32, [1], values: [37.5]),
        ]
      )
    }
  }

  /// The weights that a layout stands for, by the formula.
  private static func weights(_ kind: String, _ seed: UInt64) throws -> [Float] {
    let tensors = try layout(kind, seed).1
    let codes = tensors[0].bytes
    let isFP4 = kind == "nvfp4"
    let scales =
      isFP4 ? tensors[1].bytes.map(Reference.e4m3) : try #require(tensors[1].floats)
    let (rows, columns) =
      switch kind {
      case "block": (16, 16)
      case "channel": (1, 64)
      case "tensor": (40, 64)
      case "int4": (1, 32)
      default: (1, 16)
      }
    let view = PackedView(
      kind == "int4" ? .int4 : isFP4 ? .e2m1 : .e4m3, rowCount: 40, columnCount: 64,
      codes: .init(file: 0, start: 0), lineByteCount: kind == "int4" ? 32 : nil,
      scales: .init(file: 0, start: 0), scaleCode: .f32, blockRows: rows, blockColumns: columns,
      divisor: isFP4 ? 37.5 : 1)
    return (0..<40 * 64).map {
      Reference.packed(view, codes: codes, scales: scales, row: $0 / 64, column: $0 % 64)
    }
  }

  private static func config(_ quantisation: String) -> String {
    #"{"model_type": "llama", "torch_dtype": "bfloat16", "quantization_config": \#(quantisation)}"#
  }

  @Test(
    "packed models are merged as the weights that they stand for, BF16, with scales in another shard",
    arguments: ["block", "channel", "tensor", "int4", "nvfp4"])
  func layouts(kind: String) throws {
    let input = try InputCase()
    for (seed, name) in (["base"] + input.models).enumerated() {
      let (quantisation, tensors) = try Self.layout(kind, UInt64(seed))
      let model = TinyModel(
        tensors: tensors + [Self.norm], config: Self.config(quantisation))
      try model.write(
        to: input.directory(name), layout: ShardingLayout(shardCount: tensors.count + 1))
    }
    let found = try input.run()
    let (base, a, b) = (
      try Self.weights(kind, 0), try Self.weights(kind, 1), try Self.weights(kind, 2)
    )
    let expected = base.indices.map { index -> Float in
      let mean = ((a[index] - base[index]) + (b[index] - base[index])) / 2
      return Reference.float(bf16: Reference.bf16Bits(base[index] + mean))
    }
    #expect(found.model[Self.name]?.dtype == .bf16)
    #expect(found.model[Self.name]?.floats == expected)
    #expect(found.model.tensors.count == 2)
    #expect(!found.model.config.contains("quantization_config"))
  }

  @Test("a packed model goes with one that is not")
  func mixed() throws {
    let input = try InputCase()
    let plain = TinyTensor(
      Self.name, .f32, [40, 64], values: try Self.weights("block", 0).map { Double($0) })
    try input.write("base", [plain, Self.norm], config: #"{"model_type": "llama"}"#)
    for (seed, name) in input.models.enumerated() {
      let (quantisation, tensors) = try Self.layout("block", UInt64(seed))
      try input.write(name, tensors + [Self.norm], config: Self.config(quantisation))
    }
    let found = try input.run()
    let b = try Self.weights("block", 1)
    let base = try Self.weights("block", 0)
    let expected = base.indices.map { base[$0] + (Float(0) + (b[$0] - base[$0])) / 2 }
    #expect(found.model[Self.name]?.floats == expected)
  }

  @Test(
    "what is not read is refused by name, also where all models are quantised so",
    arguments: ["gptq", "awq", "bitsandbytes", "eetq", "hqq", "aqlm", "modelopt", "torchao"])
  func refused(method: String) throws {
    let input = try InputCase()
    try input.writeFamily(
      config: #"{"model_type": "llama", "quantization_config": {"quant_method": "\#(method)"}}"#)
    let refusal = try input.refusal()
    #expect(refusal.message.contains("quantised (\(method))") && refusal.subject.model == "base")
  }

  @Test("packed tensors are refused also without a config that says so")
  func withoutConfig() throws {
    let input = try InputCase()
    for (seed, name) in (["base"] + input.models).enumerated() {
      try input.write(
        name,
        [
          try Self.bytes("model.layers.0.mlp.up_proj.qweight", .i32, [4, 8], UInt64(seed)),
          Self.norm,
        ], config: "{}")
    }
    #expect(try input.refusal().message.contains("quantised"))
  }

  @Test("integers that differ are refused, unless their name says what they are")
  func integers() throws {
    func refusal(_ name: String) throws -> Failure? {
      let input = try InputCase()
      for (seed, model) in (["base"] + input.models).enumerated() {
        try input.write(
          model, [try Self.bytes(name, .i32, [4], UInt64(seed)), Self.norm], config: "{}")
      }
      do {
        return try input.refusal()
      } catch is InputCase.NotRefused { return nil }
    }
    #expect(try refusal("model.layers.0.mlp.codes")?.message.contains("I32") == true)
    #expect(try refusal("embeddings.position_ids") == nil)
    #expect(try refusal("bn1.num_batches_tracked") == nil)
  }

  @Test(
    "scales that are missing, of another shape or type are refused with the tensor's name",
    arguments: [nil, [2, 4], [12]])
  func badScales(dimensions: [Int]?) throws {
    let input = try InputCase()
    for name in ["base"] + input.models {
      var (quantisation, tensors) = try Self.layout("block", 1)
      tensors.removeLast()
      if let dimensions {
        tensors.append(Self.scales("\(Self.name)_scale_inv", .f32, dimensions, 1))
      }
      quantisation += ""
      try input.write(name, tensors + [Self.norm], config: Self.config(quantisation))
    }
    let refusal = try input.refusal()
    #expect(refusal.exitCode == .badInput && refusal.subject.tensor == Self.name)
  }
}
