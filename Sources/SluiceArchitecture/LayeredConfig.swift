internal import SluiceCore
package import SluiceFormats

/// The config of a model whose layers were taken from others: how many there are, and what it says of
/// each of them.
package enum LayeredConfig {
  /// Where a layer comes from.
  package struct Layer: Sendable {
    /// The config of the model that it is of; nil without one.
    package let config: ModelConfig?
    /// Its number there.
    package let number: Int

    /// Describes a layer.
    package init(config: ModelConfig?, number: Int) {
      self.config = config
      self.number = number
    }
  }

  /// The keys that say how many layers there are.
  private static let counts = [
    "num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_decoder_layers",
  ]
  /// Lists of the numbers of those layers that are special.
  private static let numberLists: Set = [
    "mlp_only_layers", "moe_layers", "attn_layer_indices", "full_attn_idxs", "hybrid_layer_ids",
    "cross_attention_layers", "no_rope_layer_indices", "global_attn_layers",
  ]
  /// Words in the names of lists with an element for each layer.
  private static let words = ["layer", "block", "attn", "attention", "mlp", "sparsity", "rope"]
  private static let sizes: Set = ["intermediate_size", "num_key_value_heads", "head_dim"]

  /// How many layers a config says there are.
  package static func layerCount(_ config: ModelConfig) -> Int? {
    counts.lazy.compactMap { config.integer($0) }.first
  }

  /// The config of the stacked model.
  ///
  /// - Parameters:
  ///   - donor: The config to begin with.
  ///   - file: Its path, for messages.
  ///   - layers: Where each layer comes from.
  /// - Returns: The config with its number of layers, and its lists of layers, made anew.
  /// - Throws: If the donor is no config.
  package static func config(
    _ donor: [UInt8], file: String, layers: [Layer]
  ) throws(FormatError) -> [UInt8] {
    var text = try TopLevelObject(donor, file: file)
    let config = try ModelConfig(donor, file: file)
    for key in counts {
      for path in config.paths(key) { text.set(path, to: .integer(layers.count)) }
    }
    guard let count = layerCount(config), count > 0 else { return text.bytes }
    for path in lists(of: config) {
      guard let key = path.last else { continue }
      let own = elements(config, path)
      if numberLists.contains(key) {
        let numbers = layers.indices.filter { position in
          let layer = layers[position]
          return list(key, path, layer, config).contains(.integer(layer.number))
        }
        text.set(path, to: numbers.map { JSONScalar.integer($0) })
      } else if own.count == count, isOfLayers(key) {
        let values = layers.map { layer in
          let list = list(key, path, layer, config)
          let pattern = list.isEmpty ? own : list
          return pattern[layer.number % pattern.count]
        }
        text.set(path, to: values)
      }
    }
    return text.bytes
  }

  /// What the model of a layer says under a key; what the donor says if it says nothing.
  private static func list(
    _ key: String, _ path: [String], _ layer: Layer, _ donor: ModelConfig
  ) -> [JSONScalar] {
    guard let config = layer.config else { return elements(donor, path) }
    let section = config.textSection.map { $0.split(separator: ".").map(String.init) + [key] }
    let own = [[key], section ?? []].lazy.map { elements(config, $0) }.first { !$0.isEmpty }
    return own ?? elements(donor, path)
  }

  private static func isOfLayers(_ key: String) -> Bool {
    sizes.contains(key) || words.contains { key.contains(bytesOf: $0) }
  }

  /// The paths of lists of single values, at the top and in the section of the language model.
  private static func lists(of config: ModelConfig) -> [[String]] {
    let section = config.textSection.map { "\($0)." } ?? ""
    let lists = config.values.keys.filter { $0.hasSuffix(".0") }.map { String($0.dropLast(2)) }
    let near = lists.filter { (list: String) -> Bool in
      let rest = list.hasPrefix(section) ? list.dropFirst(section.count) : list[...]
      return !rest.contains(".")
    }
    return near.sorted().map { (list: String) in list.split(separator: ".").map(String.init) }
  }

  private static func elements(_ config: ModelConfig, _ path: [String]) -> [JSONScalar] {
    let name = path.joined(separator: ".")
    var values: [JSONScalar] = []
    while let value = config.values["\(name).\(values.count)"] { values.append(value) }
    return values
  }
}
