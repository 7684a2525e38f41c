import SluiceArchitecture
import SluiceCore
import SluiceFormats
import Testing

/// Names and shapes of published architectures, as transformers saves them.
@Suite("Parts of tensors")
struct TensorPartTests {
  typealias Kind = TensorPart.Kind

  static func tensor(_ name: String, _ shape: [Int], _ dtype: DType = .bf16) -> TensorDescription {
    guard let shape = TensorShape(shape) else { preconditionFailure("\(shape) is no shape") }
    return TensorDescription(name, shape, dtype)
  }

  @Test(
    "a tensor plays the part that a person would say",
    arguments: [
      ("model.layers.0.mlp.up_proj.weight", [64, 32], Kind.linear),
      ("bert.encoder.layer.3.attention.self.query.weight", [32, 32], .linear),
      ("encoder.block.0.layer.1.DenseReluDense.wi.weight", [64, 32], .linear),
      ("transformer.resblocks.0.attn.in_proj_weight", [96, 32], .linear),
      ("vit.encoder.layer.1.intermediate.dense.weight", [64, 32], .linear),
      ("encoder.layers.0.blocks.1.attention.output.dense.weight", [32, 32], .linear),
      ("encoder.layer.0.attention.self.pos_key_proj.weight", [32, 32], .linear),
      ("gpt_neox.layers.0.attention.query_key_value.weight", [96, 32], .linear),
      ("backbone.layers.0.mixer.in_proj.weight", [128, 32], .linear),
      ("backbone.layers.0.mixer.conv1d.weight", [64, 1, 4], .depthwise),
      ("backbone.layers.0.mixer.A_log", [64, 8], .other),
      ("encoder.layers.0.conv_module.pointwise_conv1.weight", [64, 32, 1], .convolution),
      ("encoder.stages.0.layers.0.layer.1.convolution.weight", [4, 4, 3, 3], .convolution),
      ("model.encoder.conv1.weight", [32, 16, 3], .convolution),
      ("vit.embeddings.patch_embeddings.projection.weight", [32, 3, 8, 8], .convolution),
      ("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", [32, 4], .position),
      ("embeddings.position_embeddings.weight", [64, 32], .position),
      ("transformer.wpe.weight", [64, 32], .position),
      ("model.embed_tokens.weight", [96, 32], .embedding),
      ("shared.weight", [96, 32], .embedding), ("transformer.wte.weight", [96, 32], .embedding),
      ("language_model.lm_head.weight", [96, 32], .head), ("embed_out.weight", [96, 32], .head),
      ("model.layers.61.shared_head.head.weight", [96, 32], .head),
      ("model.layers.61.embed_tokens.weight", [96, 32], .embedding),
      ("model.layers.0.input_layernorm.weight", [32], .norm),
      ("bert.encoder.layer.0.output.LayerNorm.weight", [32], .norm),
      ("transformer.h.0.ln_1.weight", [32], .norm),
      ("model.layers.0.self_attn.q_proj.bias", [32], .bias),
      ("transformer.resblocks.0.attn.in_proj_bias", [96], .bias),
      ("multi_modal_projector.linear_1.weight", [32, 32], .outside),
      ("model.layers.0.self_attn.rotary_emb.inv_freq", [4], .rotary),
      // Words before the number of the block are names of models.
      ("rotary_norm_embed_llm.layers.0.mlp.up_proj.weight", [64, 32], .linear),
      ("model.layers.0.self_attn.q_proj.qweight", [4, 32], .packed),
    ])
  func kinds(name: String, shape: [Int], kind: Kind) {
    let tensor = Self.tensor(name, shape)
    let part = Architecture([tensor]).part(of: tensor)
    #expect(part.kind == kind, "\(part.reason)")
    #expect(!part.reason.isEmpty)
  }

  @Test("a gate is a router where there are experts beside it, and a matrix elsewhere")
  func routers() {
    let gate = Self.tensor("model.layers.0.mlp.gate.weight", [4, 32])
    let expert = Self.tensor("model.layers.0.mlp.experts.3.gate_proj.weight", [16, 32])
    let shared = Self.tensor("model.layers.0.mlp.shared_expert_gate.weight", [1, 32])
    let router = Self.tensor("model.layers.0.mlp.router.weight", [4, 32])
    let bias = Self.tensor("model.layers.0.mlp.gate.e_score_correction_bias", [4])
    #expect(Architecture([gate]).part(of: gate).kind == .linear)
    let mixture = Architecture([gate, expert, shared, router, bias])
    for tensor in [gate, shared, router, bias] {
      #expect(mixture.part(of: tensor).kind == .router, "\(tensor.name)")
    }
    #expect(mixture.part(of: expert).kind == .linear)
  }

  @Test("integers are buffers, whatever they are called")
  func integers() {
    let tensor = Self.tensor("model.layers.0.mlp.up_proj.weight", [64, 32], .i64)
    #expect(Architecture([tensor]).part(of: tensor).kind == .buffer)
  }

  @Test("Conv1D is seen by its bias, and by the kind of model where that could be either")
  func conv1D() throws {
    let attention = Self.tensor("transformer.h.0.attn.c_attn.weight", [32, 96])
    let square = Self.tensor("transformer.h.0.attn.c_proj.weight", [32, 32])
    let bias = Self.tensor("transformer.h.0.attn.c_attn.bias", [96])
    let plain = Architecture([attention, square, bias])
    #expect(plain.part(of: attention).orientation == .inputsFirst)
    #expect(plain.part(of: square).orientation == .outputsFirst)
    let config = try ModelConfig(Array(#"{"model_type": "gpt2"}"#.utf8), file: "config.json")
    #expect(
      Architecture([square], config: config).part(of: square).orientation == .inputsFirst)
    // GPT-BigCode has the same names and keeps outputs first: its bias says so.
    let wide = Self.tensor("transformer.h.0.attn.c_attn.weight", [40, 32])
    let wideBias = Self.tensor("transformer.h.0.attn.c_attn.bias", [40])
    #expect(Architecture([wide, wideBias]).part(of: wide).orientation == .outputsFirst)
  }

  @Test("patterns add to what is linear and take away, and the reason says which")
  func patterns() {
    var set = LinearSet()
    set.include = ["multi*"]
    set.exclude = ["*.q_proj.*"]
    let query = Self.tensor("model.layers.0.q_proj.weight", [4, 4])
    let projector = Self.tensor("multi_modal.weight", [4, 4])
    let architecture = Architecture([query, projector])
    let left = set.adjusted(architecture.part(of: query), name: query.name, shape: query.shape)
    let added = set.adjusted(
      architecture.part(of: projector), name: projector.name, shape: projector.shape)
    #expect(left.kind == .other && left.reason.contains("*.q_proj.*"))
    #expect(added.kind == .linear && added.reason.contains("multi*"))
  }
}
