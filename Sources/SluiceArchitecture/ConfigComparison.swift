internal import SluiceCore
internal import SluiceFormats

/// What two models' configs say otherwise that makes their weights mean other things.
package struct ConfigComparison: Sendable, Hashable {
  /// A value that differs.
  package struct Difference: Sendable, Hashable {
    /// The key, as the language model's config has it.
    package let key: String
    /// The model's value.
    package let model: String
    /// The base's value.
    package let base: String
  }

  /// Values without which tensors of the same shape are other parts: no merge makes sense.
  package private(set) var refused: [Difference] = []
  /// Values for which weights were trained: the merged model has the base's.
  package private(set) var warned: [Difference] = []

  /// How heads are cut, how wide and deep the model is, how many experts: what shapes alone do not
  /// tell.
  private static let structure = [
    "num_attention_heads", "n_head", "num_heads", "encoder_attention_heads",
    "decoder_attention_heads", "num_key_value_heads", "head_dim", "num_hidden_layers", "n_layer",
    "num_layers", "hidden_size", "n_embd", "d_model", "intermediate_size", "num_local_experts",
    "num_experts", "n_routed_experts", "kv_lora_rank", "qk_rope_head_dim", "state_size",
    "image_size", "patch_size",
  ]
  private static let trainedFor = [
    "rope_theta", "rotary_emb_base", "rope_local_base_freq", "partial_rotary_factor",
    "rotary_pct", "hidden_act", "hidden_activation", "activation_function", "rms_norm_eps",
    "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "sliding_window",
    "num_experts_per_tok", "norm_topk_prob", "routed_scaling_factor", "scoring_func",
    "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar",
    "attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling",
    "use_cache_scaling", "alibi", "qk_norm", "use_qk_norm",
  ]
  private static let scaling = [
    "rope_type", "factor", "low_freq_factor", "high_freq_factor",
    "original_max_position_embeddings", "beta_fast", "beta_slow", "attention_factor", "mscale",
    "mscale_all_dim",
  ]

  /// Compares a model's config with the base's, each by what it says of its language model.
  ///
  /// A key that only one of the two has is no difference: older and newer files leave out what they
  /// take for granted. A scaling of positions that only one has is one.
  ///
  /// - Parameters:
  ///   - model: The model's config.
  ///   - base: The base's.
  package init(_ model: ModelConfig, with base: ModelConfig) {
    // A text model beside one of several modalities has another type, and may be its part.
    if (model.textSection == nil) == (base.textSection == nil) {
      compare("model_type", model.values["model_type"], base.values["model_type"], isRefused: true)
    }
    for key in ConfigComparison.structure {
      compare(key, model.text(key), base.text(key), isRefused: true)
    }
    for key in ConfigComparison.trainedFor {
      compare(key, Self.rope(key, model), Self.rope(key, base), isRefused: false)
    }
    for key in ConfigComparison.scaling {
      let standard: JSONScalar? = key == "rope_type" ? "default" : nil
      compare(
        "rope_scaling.\(key)", Self.scaling(key, model) ?? standard,
        Self.scaling(key, base) ?? standard, isRefused: false)
    }
  }

  private mutating func compare(
    _ key: String, _ model: JSONScalar?, _ base: JSONScalar?, isRefused: Bool
  ) {
    guard let model, let base, !Self.isEqual(model, base) else { return }
    let difference = Difference(key: key, model: Self.text(model), base: Self.text(base))
    if isRefused { refused.append(difference) } else { warned.append(difference) }
  }

  /// A value that transformers 5 keeps among `rope_parameters`.
  private static func rope(_ key: String, _ config: ModelConfig) -> JSONScalar? {
    config.text(key) ?? config.text("rope_parameters.\(key)")
  }

  private static func scaling(_ key: String, _ config: ModelConfig) -> JSONScalar? {
    for section in ["rope_scaling", "rope_parameters"] {
      if let value = config.text("\(section).\(key)") { return value }
      if key == "rope_type", let value = config.text("\(section).type") { return value }
    }
    return nil
  }

  private static func isEqual(_ a: JSONScalar, _ b: JSONScalar) -> Bool {
    if a == b { return true }
    guard let first = number(a), let second = number(b) else { return false }
    return first == second || (first.isNaN && second.isNaN)
  }

  private static func number(_ value: JSONScalar) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .unsignedInteger(let number): Double(number)
    case .double(let number): number
    default: nil
    }
  }

  private static func text(_ value: JSONScalar) -> String {
    switch value {
    case .string(let text): text.printable(limit: 80)
    case .integer(let number): "\(number)"
    case .unsignedInteger(let number): "\(number)"
    case .double(let number):
      number == number.rounded() && number.magnitude < 1e15 ? "\(Int(number))" : "\(number)"
    case .float(let number): "\(number)"
    case .bool(let flag): flag ? "true" : "false"
    case .null: "null"
    }
  }
}
