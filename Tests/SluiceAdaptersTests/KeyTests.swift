import SluiceTestSupport
import Testing

@testable import SluiceAdapters

@Suite("Names in adapter files") struct KeyTests {
  @Test(
    "A name says module and part",
    arguments: [
      ("base_model.model.model.layers.0.q_proj.lora_A.weight", "model.layers.0.q_proj", 0),
      ("base_model.model.model.layers.0.q_proj.lora_A.default.weight", "model.layers.0.q_proj", 0),
      ("model.layers.0.q_proj.lora_A.weight", "model.layers.0.q_proj", 0),
      ("base_model.model.mlp.experts.base_layer.lora_A.weight", "mlp.experts", 1),
      ("base_model.model.mlp.experts.base_layer.base_layer.lora_A.weight", "mlp.experts", 2),
    ])
  func factors(text: String, name: String, level: Int) throws {
    let key = try #require(AdapterKey(text))
    #expect(key.name == name && key.level == level && key.part == .factorA)
  }

  @Test("Every part is known")
  func parts() {
    let prefix = "base_model.model.m"
    let parts: [(String, AdapterKey.Part)] = [
      ("lora_B.weight", .factorB), ("lora_B.bias", .bias), ("lora_B.x.bias", .bias),
      ("lora_embedding_A", .embeddingA), ("lora_embedding_B.default", .embeddingB),
      ("lora_magnitude_vector", .magnitude), ("lora_magnitude_vector.weight", .magnitude),
      ("lora_magnitude_vector.default.weight", .magnitude),
      ("token_adapter.trainable_tokens_delta", .tokenRows),
      ("trainable_tokens_delta", .tokenRows),
    ]
    for (text, part) in parts {
      let key = AdapterKey("\(prefix).\(text)")
      #expect(key?.name == "m" && key?.part == part, "\(text)")
    }
  }

  @Test("Whole tensors have the base's name")
  func saved() {
    for text in [
      "m.weight", "m.base_layer.weight", "m.modules_to_save.weight",
      "m.modules_to_save.default.weight",
    ] {
      let key = AdapterKey("base_model.model.\(text)")
      #expect(key?.name == "m.weight" && key?.part == .saved, "\(text)")
    }
  }

  @Test(
    "Parts of other adapters are not taken for something else",
    arguments: [
      "m.lora_diag", "m.lora_A", "m.lora_C.weight", "lora_A.weight", "m.lora_A.a.b.weight",
    ])
  func unknown(text: String) { #expect(AdapterKey(text) == nil) }
}
