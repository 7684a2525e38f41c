import SluiceArchitecture
import SluiceFormats
import Testing

@Suite("Configs")
struct ConfigTests {
  private static func config(_ text: String) throws -> ModelConfig {
    try ModelConfig(Array(text.utf8), file: "config.json")
  }

  private static func compare(_ model: String, _ base: String) throws -> ConfigComparison {
    ConfigComparison(try config(model), with: try config(base))
  }

  @Test(
    "what shapes do not tell is refused",
    arguments: [
      (#"{"num_attention_heads": 8}"#, #"{"num_attention_heads": 4}"#, "num_attention_heads"),
      (#"{"model_type": "qwen2"}"#, #"{"model_type": "llama"}"#, "model_type"),
      (
        #"{"text_config": {"num_key_value_heads": 1}}"#,
        #"{"text_config": {"num_key_value_heads": 2}}"#, "num_key_value_heads"
      ),
    ])
  func refused(model: String, base: String, key: String) throws {
    let found = try Self.compare(model, base)
    #expect(found.refused.map(\.key) == [key])
    #expect(found.warned.isEmpty)
  }

  @Test(
    "what weights were trained for is warned about",
    arguments: [
      (#"{"rope_theta": 1e6}"#, #"{"rope_theta": 10000.0}"#, "rope_theta"),
      (#"{"rope_parameters": {"rope_theta": 1e6}}"#, #"{"rope_theta": 1e4}"#, "rope_theta"),
      (#"{"rms_norm_eps": 1e-6}"#, #"{"rms_norm_eps": 1e-05}"#, "rms_norm_eps"),
      (#"{"hidden_act": "gelu"}"#, #"{"hidden_act": "silu"}"#, "hidden_act"),
      (
        #"{"rope_scaling": {"type": "linear"}}"#, #"{"rope_scaling": null}"#,
        "rope_scaling.rope_type"
      ),
    ])
  func warned(model: String, base: String, key: String) throws {
    let found = try Self.compare(model, base)
    #expect(found.warned.map(\.key) == [key])
    #expect(found.refused.isEmpty)
  }

  @Test(
    "the same said otherwise is no difference",
    arguments: [
      (#"{"rope_theta": 10000}"#, #"{"rope_theta": 10000.0}"#),
      (
        #"{"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}"#,
        #"{"rope_theta": 10000.0}"#
      ),
      // A text model beside one of several modalities.
      (
        #"{"model_type": "qwen2", "num_attention_heads": 4}"#,
        #"{"model_type": "qwen2_vl", "text_config": {"num_attention_heads": 4}}"#
      ),
      (#"{}"#, #"{"num_attention_heads": 4, "rope_theta": 1e4}"#),
    ])
  func same(model: String, base: String) throws {
    let found = try Self.compare(model, base)
    #expect(found.refused.isEmpty && found.warned.isEmpty)
  }

  @Test("values are found by their paths, at the top and in the section of the language model")
  func paths() throws {
    let config = try Self.config(
      #"{"architectures": ["A"], "vocab_size": 3, "text_config": {"vocab_size": 40}}"#)
    #expect(config.string("architectures.0") == "A")
    #expect(config.integer("vocab_size") == 40)
    #expect(config.paths("vocab_size") == [["vocab_size"], ["text_config", "vocab_size"]])
  }

  @Test(
    "configs that are none are refused",
    arguments: ["", "[]", "{", #"{"a": }"#, String(repeating: #"{"a":"#, count: 200)])
  func refusedText(text: String) {
    #expect(throws: FormatError.self) { try Self.config(text) }
  }

  @Test("a config of very many values is refused")
  func manyValues() {
    let text = "[" + String(repeating: "1,", count: ModelConfig.valueLimit) + "1]"
    #expect(throws: FormatError.self) { try Self.config(#"{"a": \#(text)}"#) }
  }

  @Test(
    "packings are known by what the config says",
    arguments: [
      (
        #"{"quant_method": "fp8", "weight_block_size": [128, 128]}"#,
        Quantisation.blockFP8(rows: 128, columns: 128)
      ),
      (#"{"quant_method": "mxfp4"}"#, .mxfp4),
      (#"{"quant_method": "gptq", "bits": 4}"#, .refused("gptq")),
      (#"{"quant_method": "bitsandbytes"}"#, .refused("bitsandbytes")),
      (
        #"{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int", "symmetric": true, "group_size": 32}}}}"#,
        .packedInt4(group: 32)
      ),
      (
        #"{"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups": {"g": {"weights": {"num_bits": 4, "type": "int", "symmetric": false, "group_size": 32}}}}"#,
        .refused("compressed-tensors, format pack-quantized")
      ),
    ])
  func quantisation(text: String, expected: Quantisation) throws {
    let config = try Self.config(#"{"quantization_config": \#(text)}"#)
    #expect(Quantisation(config) == expected)
    #expect(Quantisation(try Self.config("{}")) == nil)
  }
}
