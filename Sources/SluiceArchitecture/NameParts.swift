internal import SluiceCore

/// A tensor's name, or what follows the number of its block, cut at its dots, in small letters.
struct NameParts {
  /// What positions are called.
  ///
  /// `pos_key_proj` of DeBERTa is none of them: it is a projection.
  static let positionWords = [
    "relative_attention_bias", "relative_position", "position_bias", "rel_pos", "position_embed",
    "pos_embed", "embed_positions", "rel_embed", "rel_attn_embed", "wpe",
  ]
  /// Modules outside of blocks that turn states into tokens or classes.
  static let headModules: Set = [
    "lm_head", "embed_out", "proj_out", "output", "output_projection", "score", "classifier",
    "qa_outputs", "head",
  ]
  /// Modules outside of blocks that hold a row for each token, with no word of it in their name.
  static let embeddingModules: Set = ["wte", "shared"]

  private let text: String
  let components: [Substring]

  init(_ name: String) {
    // Names are ASCII where they matter: no other letter is in any of the words.
    text = String(
      decoding: name.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    components = text.split(separator: ".", omittingEmptySubsequences: false)
  }

  /// The last part.
  var last: String { components.last.map(String.init) ?? "" }
  /// The part before it: the module that the tensor belongs to.
  var module: String { components.count > 1 ? String(components[components.count - 2]) : "" }
  /// Whether it is called a weight: `weight`, or `in_proj_weight` of PyTorch's attention.
  var isWeight: Bool { last == "weight" || last.hasSuffix("_weight") }

  func contains(_ word: String) -> Bool { text.contains(bytesOf: word) }
}

/// How mixtures of experts name their parts.
enum MixtureName {
  private static let routers: Set<Substring> = ["router", "shared_expert_gate", "wg"]

  /// Whether a tensor belongs to experts.
  static func isInExperts(_ name: String) -> Bool {
    name.split(separator: ".").contains { $0 == "experts" }
  }

  /// The module that has the experts which a tensor belongs to.
  static func mixture(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard
      let index = parts.firstIndex(where: {
        $0 == "experts" || $0 == "shared_expert" || $0 == "shared_experts"
      })
    else { return nil }
    return parts[..<index].joined(separator: ".")
  }

  /// The module whose router a tensor would be, and whether its name leaves no doubt.
  static func router(_ name: String) -> (module: String, isCertain: Bool)? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    // Experts have gates of their own.
    guard BlockName.isInBlock(name), !parts.contains("experts") else { return nil }
    for (index, part) in parts.enumerated() where index < parts.count - 1 {
      if routers.contains(part) { return (parts[..<index].joined(separator: "."), true) }
      if part == "gate" { return (parts[..<index].joined(separator: "."), false) }
    }
    return nil
  }
}

/// How packed weights and what belongs to them are named.
enum PackedName {
  private static let suffixes: [(String, String)] = [
    ("qweight", "packed integers of GPTQ or AWQ"), ("qzeros", "zero points of GPTQ or AWQ"),
    ("g_idx", "groups of GPTQ"), ("weight_packed", "packed weights"),
    ("weight_scale", "scales of packed weights"), ("weight_scale_inv", "scales of packed weights"),
    ("weight_scale_2", "a scale of packed weights"),
    ("weight_global_scale", "a scale of packed weights"),
    ("weight_shape", "the shape of packed weights"), ("weight_zero_point", "zero points"),
    ("input_scale", "a scale of activations"),
    ("input_global_scale", "a scale of activations"), ("absmax", "scales of bitsandbytes"),
    ("quant_map", "a table of bitsandbytes"), ("nested_absmax", "scales of bitsandbytes"),
    ("nested_quant_map", "a table of bitsandbytes"), ("SCB", "scales of bitsandbytes"),
  ]

  /// What a packed tensor is, or nil.
  static func packing(of name: String) -> String? {
    let last = name.split(separator: ".").last ?? ""
    if name.contains(bytesOf: ".quant_state.") { return "a state of bitsandbytes" }
    if MixtureName.isInExperts(name), last.hasSuffix("_blocks") || last.hasSuffix("_scales") {
      return "packed weights of MXFP4"
    }
    return suffixes.first { $0.0 == last }?.1
  }
}
