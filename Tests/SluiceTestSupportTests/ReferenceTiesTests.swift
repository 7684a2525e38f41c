import SluiceTestSupport
import Testing

@Suite("The reference's TIES and linear set") struct ReferenceTiesTests {
  @Test(
    "TIES averages the deltas that agree with the sign of the sum",
    arguments: [
      ([], 0), ([0], 0), ([-3], -3), ([0, 0, -0.0], 0), ([1, -2, 3], 2), ([-4, 1, 1], -4),
      ([1, 0, 2], 1.5), ([0, -1], -1), ([-1, -2, 0, -6], -3),
      // A sum of zero elects plus.
      ([-1, -2, 3], 3), ([5, -5], 5), ([-5, 5], 5),
      // The sum runs in Float32 and in order: 2^25 swallows the 1, then the sum is zero.
      ([-0x1p25, 1, 0x1p25], 0x1p24), ([0x1p24, 1, 1], 0x1p24 / 3),
    ] as [([Float], Float)])
  func ties(deltas: [Float], expected: Float) {
    #expect(Reference.ties(deltas) == expected)
  }

  @Test("The election depends on the order of the models where rounding does")
  func order() {
    // (-2^25 + -1) + 2^25 is 0, which elects plus; (-2^25 + 2^25) + -1 is -1.
    #expect(Reference.ties([-0x1p25, -1, 0x1p25]) == 0x1p25)
    #expect(Reference.ties([-0x1p25, 0x1p25, -1]) == -0x1p24)
  }

  @Test(
    "Linear are the matrices and expert stacks of numbered blocks",
    arguments: [
      ("model.layers.0.self_attn.q_proj.weight", 2, true),
      ("transformer.h.11.mlp.c.weight", 2, true),
      ("blocks.3.ff.weight", 3, true), ("model.layers.0.mlp.gate.weight", 2, true),
      ("model.layers.0.self_attn.q_proj.weight", 1, false), ("model.layers.0.q.weight", 4, false),
      ("model.layers.0.self_attn.q_proj.bias", 1, false), ("model.layers.0.q.bias", 2, false),
      ("model.layers.x.q.weight", 2, false), ("model.layers.q.weight", 2, false),
      ("model.layers.0a.q.weight", 2, false), ("mylayers.0.q.weight", 2, false),
      ("model.layers.0.input_layernorm.weight", 2, false), ("h.0.ln_1.weight", 2, false),
      ("model.embed_tokens.weight", 2, false), ("layers.0.embed.weight", 2, false),
      ("layers.0.rotary.weight", 2, false), ("layers.0.lm_head.weight", 2, false),
      ("lm_head.weight", 2, false),
    ])
  func linear(name: String, rank: Int, expected: Bool) {
    #expect(Reference.isLinear(name: name, rank: rank) == expected)
  }

  @Test(
    "Patterns match whole names",
    arguments: [
      ("a.b", "a.b", true), ("a.b", "a", false), ("a.b", "*", true), ("a.b", "a*b", true),
      ("abcb", "a*b", true), ("a.b", "?.?", true), ("a.b", "??", false), ("", "*", true),
      ("", "?", false), ("layers.10.q", "layers.1.*", false), ("layers.1.q", "*.1.*", true),
      ("axb", "a.b", false),
    ])
  func patterns(name: String, pattern: String, expected: Bool) {
    #expect(Reference.matches(name, pattern: pattern) == expected)
  }
}
