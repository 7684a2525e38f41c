/// What a tensor of an adapter's file is to a module of the base.
struct AdapterKey: Hashable {
  enum Part: Hashable {
    /// The right factor: rank x inputs.
    case factorA
    /// The left factor: outputs x rank.
    case factorB
    /// Added to the bias of the module.
    case bias
    /// The factors of an embedding: rank x rows, and columns x rank.
    case embeddingA
    case embeddingB
    /// The lengths of directions (DoRA).
    case magnitude
    /// Rows that replace rows of an embedding.
    case tokenRows
    /// A tensor of the base, saved whole.
    case saved
  }

  /// The prefix that PEFT puts before the names of the base.
  static let prefix = "base_model.model."
  private static let baseLayer = ".base_layer"

  /// The module in the base, or the tensor where it is saved whole.
  let name: String
  /// How many wrappers of further parameters lie around the one that is meant.
  let level: Int
  let part: Part

  /// Reads a name; nil if it is a part of a kind that is not known.
  init?(_ text: String) {
    var name = Substring(text)
    if name.hasPrefix(AdapterKey.prefix) { name = name.dropFirst(AdapterKey.prefix.utf8.count) }
    guard let (module, part) = AdapterKey.split(name) else { return nil }
    var rest = module
    var level = 0
    if part == .saved {
      name = AdapterKey.withoutWrappers(module)
    } else {
      while rest.hasSuffix(AdapterKey.baseLayer) {
        rest = rest.dropLast(AdapterKey.baseLayer.utf8.count)
        level += 1
      }
      name = rest
    }
    self.name = String(name)
    self.level = level
    self.part = part
  }

  /// A module and the part; the name of the adapter may stand behind the word for the part.
  private static func split(_ name: Substring) -> (Substring, Part)? {
    let words = name.split(separator: ".", omittingEmptySubsequences: false)
    for position in words.indices.suffix(4) {
      let behind = Array(words[(position + 1)...])
      let part: Part?
      switch words[position] {
      case "lora_A": part = isEnd(behind, "weight") ? .factorA : nil
      case "lora_B":
        part = isEnd(behind, "weight") ? .factorB : isEnd(behind, "bias") ? .bias : nil
      case "lora_embedding_A": part = behind.count <= 1 ? .embeddingA : nil
      case "lora_embedding_B": part = behind.count <= 1 ? .embeddingB : nil
      case "lora_magnitude_vector":
        part = behind.count <= 1 || isEnd(behind, "weight") ? .magnitude : nil
      case "trainable_tokens_delta": part = behind.count <= 1 ? .tokenRows : nil
      default: continue
      }
      guard let part, position > 0 else { return nil }
      var module = words[..<position].joined(separator: ".")[...]
      if part == .tokenRows, module.hasSuffix(".token_adapter") {
        module = module.dropLast(".token_adapter".utf8.count)
      }
      return (module, part)
    }
    let isKnown = !words.contains { $0.hasPrefix("lora_") || $0.hasPrefix("trainable_tokens") }
    return isKnown ? (name, .saved) : nil
  }

  private static func isEnd(_ words: [Substring], _ last: Substring) -> Bool {
    words.last == last && words.count <= 2
  }

  /// `M.base_layer.weight` and `M.modules_to_save.NAME.weight` are the base's `M.weight`.
  private static func withoutWrappers(_ name: Substring) -> Substring {
    var words = name.split(separator: ".", omittingEmptySubsequences: false)
    words.removeAll { $0 == "base_layer" || $0 == "token_adapter" }
    if let position = words.lastIndex(of: "modules_to_save") {
      let hasName = position + 2 < words.count
      words.removeSubrange(position...(hasName ? position + 1 : position))
    }
    return words.joined(separator: ".")[...]
  }
}
