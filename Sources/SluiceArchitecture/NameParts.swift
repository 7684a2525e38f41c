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
    components = text.cutAtDots
  }

  /// The last part.
  var last: String { components.last.map(String.init) ?? "" }
  /// The part before it: the module that the tensor belongs to.
  var module: String { components.count > 1 ? String(components[components.count - 2]) : "" }
  /// Whether it is called a weight: `weight`, or `in_proj_weight` of PyTorch's attention.
  var isWeight: Bool { last == "weight" || last.hasSuffix("_weight") }

  func contains(_ word: String) -> Bool { text.contains(bytesOf: word) }
}
