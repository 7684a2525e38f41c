import Testing

@testable import SluiceArchitecture
@testable import SluiceCore

/// Against the architecture, which looks at each tensor by itself.
@Suite("Parts found once for all blocks")
struct PartFinderTests {
  private static let ends = [
    "self_attn.q_proj.weight", "mlp.down_proj.weight", "input_layernorm.weight", "attn.qkv.bias",
    "mlp.gate.weight", "mlp.experts.0.up_proj.weight", "mlp.router.weight", "conv.weight",
    "rotary_emb.inv_freq", "attention.relative_attention_bias.weight", "embed.weight",
    "mix.qweight", "attn.c_attn.weight", "A_log", "mlp.experts.gate_up_proj",
  ]
  private static let experts = [
    "mlp.experts.7.up_proj.weight", "mlp.experts.11.up_proj.weight",
    "mlp.experts.11.norm.weight", "mlp.experts.12.gate.weight", "mlp.experts.3b.up_proj.weight",
    "mlp.experts.4", "block_sparse_moe.experts.3.w1.weight", "block_sparse_moe.gate.weight",
    "mlp.shared_expert_gate.weight", "experts.5.experts.6.weight",
    "mlp.experts.8.up_proj.weight_packed", "mlp.experts.9.up_proj_scales",
  ]
  private static let shapes = [[8], [8, 8], [8, 24], [4, 8, 8], [8, 1, 4]]

  private static func tensors(
    _ ends: [String], groups: [String]
  ) throws -> [TensorDescription] {
    var tensors: [TensorDescription] = []
    for group in groups {
      for block in [0, 1, 2, 10] {
        for (index, end) in ends.enumerated() {
          for dtype in [DType.bf16, .i64] {
            let shape = try #require(TensorShape(shapes[(index + block) % shapes.count]))
            tensors.append(TensorDescription("\(group).\(block).\(end)", shape, dtype))
          }
        }
      }
    }
    for name in ["lm_head.weight", "model.embed_tokens.weight", "model.norm.weight"] {
      tensors.append(TensorDescription(name, try #require(TensorShape([8, 8])), .bf16))
    }
    return tensors
  }

  @Test(
    "a finder says what the architecture says",
    arguments: [
      ends, ends.filter { !$0.contains("expert") && !$0.hasSuffix("bias") },
      ends.filter { !$0.hasSuffix("bias") } + experts,
    ])
  func finder(ends: [String]) throws {
    for type in ["llama", "gpt2"] {
      let config = try ModelConfig(Array(#"{"model_type": "\#(type)"}"#.utf8), file: "config.json")
      let tensors = try Self.tensors(ends, groups: ["model.layers", "vision.blocks"])
      let architecture = Architecture(tensors, config: config)
      var finder = PartFinder(architecture)
      for tensor in tensors + tensors.reversed() {
        #expect(finder.part(of: tensor) == architecture.part(of: tensor), "\(tensor.name)")
      }
    }
  }
}
