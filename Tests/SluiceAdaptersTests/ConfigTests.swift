import SluiceCore
import SluiceTestSupport
import Testing

@testable import SluiceAdapters

@Suite("Adapter configs") struct ConfigTests {
  private func config(_ members: String) throws -> AdapterConfig {
    try AdapterConfig(Array("{\"peft_type\": \"LORA\", \(members)}".utf8), file: "config")
  }

  private func failure(_ text: String) -> Failure? {
    do {
      _ = try AdapterConfig(Array(text.utf8), file: "a/adapter_config.json")
      return nil
    } catch { return (error as? any SluiceError)?.failure }
  }

  @Test("Ranks, numerators and scales are read")
  func numbers() throws {
    let plain = try config(#""r": 4, "lora_alpha": 6, "rank_pattern": {"q_proj": 2}"#)
    #expect(plain.rank == 4 && plain.alpha == 6 && plain.scale(rank: 4, alpha: 6) == 1.5)
    let stable = try config(#""use_rslora": true, "lora_alpha": 2.5"#)
    #expect(stable.scale(rank: 16, alpha: stable.alpha) == 0.625)
  }

  @Test("Keys that change no weight are passed over, unknown ones are remembered")
  func others() throws {
    let config = try config(
      #""lora_dropout": 0.1, "target_modules": ["q"], "layer_replication": null, "new": 1, "off": false"#
    )
    #expect(config.unknownKeys == ["new"])
  }

  @Test(
    "What cannot be folded is refused by name, with what to do",
    arguments: [
      (#""init_lora_weights": "pissa_niter_4""#, "pissa_niter_4"),
      (#""init_lora_weights": "olora""#, "olora"), (#""init_lora_weights": "loftq""#, "loftq"),
      (#""init_lora_weights": "corda""#, "corda"), (#""init_lora_weights": "lora_ga""#, "lora_ga"),
      (#""alora_invocation_tokens": [1]"#, "alora_invocation_tokens"),
      (#""layer_replication": [[0, 4], [2, 5]]"#, "layer_replication"),
      (#""use_qalora": true"#, "use_qalora"), (#""kasa_config": {}"#, "kasa_config"),
      (#""use_bdlora": {}"#, "use_bdlora"), (#""arrow_config": {}"#, "arrow_config"),
      (#""monteclora_config": {}"#, "monteclora_config"),
    ])
  func refusals(member: String, word: String) {
    let failure = failure("{\"peft_type\": \"LORA\", \(member)}")
    #expect(failure?.exitCode == .badInput && failure?.remedy != nil)
    #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "nothing")")
  }

  @Test(
    "Odd configs are refused",
    arguments: [
      "", "[]", "{", "{\"r\": 4}", #"{"peft_type": "IA3"}"#, #"{"peft_type": 3}"#,
      #"{"peft_type": "LORA", "r": 0}"#, #"{"peft_type": "LORA", "r": 1099511627776}"#,
      #"{"peft_type": "LORA", "r": 1.5}"#, #"{"peft_type": "LORA", "r": [1]}"#,
      #"{"peft_type": "LORA", "lora_alpha": NaN}"#, #"{"peft_type": "LORA", "r": 4, "r": 5}"#,
      #"{"peft_type": "LORA", "rank_pattern": {"(?!a)": 4}}"#,
      #"{"peft_type": "LORA", "rank_pattern": {"a": -4}}"#,
      #"{"peft_type": "LORA", "bias": "some"}"#, #"{"peft_type": "LORA", "use_dora": 1}"#,
      #"{"peft_type": "LORA", "trainable_token_indices": [1, 1]}"#,
      #"{"peft_type": "LORA", "trainable_token_indices": [-1]}"#,
    ])
  func oddities(text: String) {
    let failure = failure(text)
    #expect(failure?.exitCode == .badInput && failure?.subject.file == "a/adapter_config.json")
  }
}
