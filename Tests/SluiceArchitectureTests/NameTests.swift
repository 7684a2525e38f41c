import SluiceArchitecture
import Testing

@Suite("Names of models")
struct NameTests {
  private static let base: Set = [
    "model.embed_tokens.weight", "model.layers.0.q.weight", "model.norm.weight", "lm_head.weight",
  ]

  @Test(
    "a prefix that all names have is found",
    arguments: [
      ("_orig_mod.", ""), ("module.", ""), ("_orig_mod.module.", ""),
    ])
  func prefixes(old: String, new: String) {
    let names = ModelNames(Self.base.map { old + $0 }.sorted(), base: Self.base)
    #expect(names.commonCount == 0)
    #expect(names.suggestion == ModelNames.Renaming(old: old, new: new))
    #expect(names.suggestedCount == Self.base.count)
  }

  @Test("a text model goes into the language part of one of several modalities")
  func languagePart() {
    let base: Set = [
      "model.language_model.embed_tokens.weight", "model.language_model.layers.0.q.weight",
      "model.visual.patch.weight", "lm_head.weight",
    ]
    let names = ModelNames(
      ["model.embed_tokens.weight", "model.layers.0.q.weight", "lm_head.weight"], base: base)
    #expect(names.commonCount == 1)
    #expect(names.suggestion == ModelNames.Renaming(old: "model.", new: "model.language_model."))
    #expect(names.suggestedCount == 2)
  }

  @Test("names that have nothing to do with the base's lead nowhere")
  func foreign() {
    let names = ModelNames(["a.weight", "b.weight"], base: Self.base)
    #expect(names.suggestion == nil && names.commonCount == 0)
  }

  @Test(
    "heads and embeddings are found at the top and under the language model",
    arguments: [
      ("model.embed_tokens.weight", "lm_head.weight"),
      ("language_model.model.embed_tokens.weight", "language_model.lm_head.weight"),
      ("model.language_model.embed_tokens.weight", "lm_head.weight"),
    ])
  func heads(embedding: String, head: String) {
    #expect(HeadNames.embedding(among: ["audio.embed_tokens.weight", embedding]) == embedding)
    #expect(HeadNames.head(of: embedding) == head)
    #expect(HeadNames.isHead(head))
  }

  @Test("a layer's name inside its block has stars for the numbers of experts")
  func linearNames() {
    #expect(
      LinearName.linear(
        of: "model.layers.0.mlp.experts.3.up_proj.weight", block: "model.layers.0")
        == "mlp.experts.*.up_proj")
    #expect(LinearName.short(["a.q", "a.k"]) == ["q", "k"])
    #expect(LinearName.short(["a.q", "b.q"]) == ["a.q", "b.q"])
  }
}
