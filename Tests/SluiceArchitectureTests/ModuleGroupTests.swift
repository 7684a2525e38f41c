import SluiceArchitecture
import Testing

@Suite("Groups of modules") struct ModuleGroupTests {
  @Test(
    "go by the parts of names, in the families that there are",
    arguments: [
      ("model.layers.3.self_attn.q_proj.weight", ModuleGroup.attention),
      ("model.layers.3.self_attn.q_proj.bias", .attention),
      ("model.layers.3.self_attn.q_norm.weight", .norms),
      ("model.layers.3.mlp.down_proj.weight", .mlp),
      ("model.layers.3.mlp.experts.7.up_proj.weight", .mlp),
      ("model.layers.3.mlp.gate.weight", .mlp),
      ("model.layers.3.input_layernorm.weight", .norms),
      ("model.embed_tokens.weight", .embedding),
      ("model.norm.weight", .norms),
      ("lm_head.weight", .head),
      ("h.0.attn.c_attn.weight", .attention),
      ("h.0.ln_1.weight", .norms),
      ("h.0.mlp.c_fc.bias", .mlp),
      ("wpe.weight", .embedding),
      ("ln_f.bias", .norms),
      ("encoder.layer.1.attention.output.dense.weight", .attention),
      ("encoder.layer.1.attention.output.LayerNorm.weight", .norms),
      ("encoder.layer.1.intermediate.dense.weight", .mlp),
      ("embeddings.word_embeddings.weight", .embedding),
      ("embeddings.LayerNorm.bias", .norms),
      ("pooler.dense.weight", .head),
      ("decoder.block.2.layer.1.EncDecAttention.q.weight", .attention),
      ("decoder.block.2.layer.2.DenseReluDense.wi.weight", .mlp),
      ("blocks.4.att.key.weight", .attention),
      ("layers.4.mixer.in_proj.weight", .mlp),
    ])
  func group(name: String, group: ModuleGroup) { #expect(ModuleGroup(of: name) == group) }

  @Test("divide the depth in three, and leave thirds empty where there are fewer blocks")
  func thirds() {
    func thirds(_ count: Int) -> [Int] {
      (0..<count).map { ModuleGroup.third(of: $0, among: count) }
    }
    #expect(thirds(1) == [2] && thirds(2) == [1, 2] && thirds(3) == [0, 1, 2])
    #expect(thirds(4) == [0, 1, 2, 2] && thirds(5) == [0, 1, 1, 2, 2])
    #expect(thirds(22).map { $0 } == (0..<22).map { $0 < 7 ? 0 : $0 < 14 ? 1 : 2 })
  }

  @Test("are named by filters, which say the same again")
  func filters() throws {
    for text in ["@attention", "@attention/1", "@mlp/3", "@norms", "@head", "@embedding"] {
      #expect(GroupFilter(text)?.text == text)
    }
    for text in ["attention", "@", "@Attention", "@attention/0", "@mlp/4", "@norms/1", "@mlp/1/2"] {
      #expect(GroupFilter(text) == nil, "\(text)")
    }
    let filter = try #require(GroupFilter("@mlp/2"))
    #expect(filter.matches("layers.1.mlp.up.weight", block: 1, of: 3))
    #expect(!filter.matches("layers.1.mlp.up.weight", block: 1, of: 9))
    #expect(!filter.matches("layers.1.attn.q.weight", block: 1, of: 3))
    #expect(!filter.matches("lm_head.weight", block: nil, of: 3))
  }
}
