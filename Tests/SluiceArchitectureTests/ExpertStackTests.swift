import SluiceArchitecture
import SluiceCore
import SluiceFormats
import Testing

@Suite("Stacks of experts")
struct ExpertStackTests {
  private static func stack(
    _ own: String, _ shape: [Int], beside other: [String: [Int]], type: String? = nil,
    parent: String = "model.layers.0.mlp.experts"
  ) throws -> ExpertStack? {
    var siblings: [String: TensorShape] = [:]
    for (name, extents) in other { siblings["\(parent).\(name)"] = TensorShape(extents) }
    let config = try type.map {
      try ModelConfig(Array(#"{"model_type": "\#($0)"}"#.utf8), file: "config.json")
    }
    return ExpertStack(
      TensorDescription("\(parent).\(own)", try #require(TensorShape(shape)), .bf16),
      siblings: siblings, config: config)
  }

  @Test("outputs first, gate and up come apart, expert by expert")
  func outputsFirst() throws {
    let joined = try #require(
      try Self.stack("gate_up_proj", [2, 16, 12], beside: ["down_proj": [2, 12, 8]]))
    #expect(joined.orientation == .outputsFirst)
    #expect(joined.layerShape.dimensions == [8, 12])
    #expect(
      (0..<joined.layerCount).map(joined.layerName) == [
        "model.layers.0.mlp.experts.0.gate_proj.weight",
        "model.layers.0.mlp.experts.0.up_proj.weight",
        "model.layers.0.mlp.experts.1.gate_proj.weight",
        "model.layers.0.mlp.experts.1.up_proj.weight",
      ])
  }

  @Test("Mixtral's layers have the names that its experts have each by itself")
  func mixtral() throws {
    let joined = try #require(
      try Self.stack(
        "gate_up_proj", [2, 16, 12], beside: ["down_proj": [2, 12, 8]], type: "mixtral"))
    #expect(joined.layerName(1) == "model.layers.0.block_sparse_moe.experts.0.w3.weight")
    let down = try #require(
      try Self.stack(
        "down_proj", [2, 12, 8], beside: ["gate_up_proj": [2, 16, 12]], type: "mixtral"))
    #expect(down.layerName(1) == "model.layers.0.block_sparse_moe.experts.1.w2.weight")
  }

  @Test("inputs first, gate and up of a family that is not known stay together")
  func inputsFirst() throws {
    let joined = try #require(
      try Self.stack("gate_up_proj", [4, 12, 16], beside: ["down_proj": [4, 8, 12]]))
    #expect(joined.orientation == .inputsFirst && joined.layout == .transposed)
    #expect(joined.layerCount == 4)
    #expect(joined.layerName(3) == "model.layers.0.mlp.experts.3.gate_up_proj.weight")
    #expect(joined.layerShape.dimensions == [16, 12])
  }

  @Test(
    "inputs first, gate and up come apart as the family joins them",
    arguments: [
      ("gpt_oss", MatrixLayout.interleaved), ("llama4_text", .halves), ("llama4", .halves),
    ])
  func joined(type: String, layout: MatrixLayout) throws {
    let joined = try #require(
      try Self.stack("gate_up_proj", [4, 12, 16], beside: ["down_proj": [4, 8, 12]], type: type))
    #expect(joined.layout == layout && joined.layerCount == 8)
    #expect(joined.layerShape.dimensions == [8, 12])
    #expect(joined.layerName(7) == "model.layers.0.mlp.experts.3.up_proj.weight")
    let down = try #require(
      try Self.stack("down_proj", [4, 8, 12], beside: ["gate_up_proj": [4, 12, 16]], type: type))
    #expect(down.layout == .transposed && down.layerShape.dimensions == [12, 8])
  }

  @Test("biases of experts come apart as their matrices do")
  func biases() throws {
    let shapes = ["down_proj": [4, 8, 12], "gate_up_proj": [4, 12, 16]]
    let joined = try #require(
      try Self.stack("gate_up_proj_bias", [4, 16], beside: shapes, type: "gpt_oss"))
    #expect(joined.layout == .interleaved && joined.layerShape.dimensions == [8])
    #expect(joined.layerName(2) == "model.layers.0.mlp.experts.1.gate_proj.bias")
    let down = try #require(
      try Self.stack("down_proj_bias", [4, 12], beside: shapes, type: "gpt_oss"))
    #expect(down.layout == nil && down.layerCount == 4)
    #expect(down.layerName(2) == "model.layers.0.mlp.experts.2.down_proj.bias")
    #expect(try Self.stack("down_proj_bias", [4, 12], beside: [:], type: "gpt_oss") == nil)
  }

  @Test("a stack under another name has numbered matrices")
  func other() throws {
    let stack = try #require(
      try Self.stack(
        "weight", [3, 8, 4], beside: [:], parent: "model.layers.0.moe.input_linear"))
    #expect(stack.layerName(2) == "model.layers.0.moe.input_linear.2.weight")
  }
}
