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

  @Test("inputs first, gate and up share rows and stay together")
  func inputsFirst() throws {
    let joined = try #require(
      try Self.stack("gate_up_proj", [4, 12, 16], beside: ["down_proj": [4, 8, 12]]))
    #expect(joined.orientation == .inputsFirst)
    #expect(joined.layerCount == 4)
    #expect(joined.layerName(3) == "model.layers.0.mlp.experts.3.gate_up_proj.weight")
    #expect(joined.layerShape.dimensions == [12, 16])
  }

  @Test("a stack under another name has numbered matrices")
  func other() throws {
    let stack = try #require(
      try Self.stack(
        "weight", [3, 8, 4], beside: [:], parent: "model.layers.0.moe.input_linear"))
    #expect(stack.layerName(2) == "model.layers.0.moe.input_linear.2.weight")
  }
}
