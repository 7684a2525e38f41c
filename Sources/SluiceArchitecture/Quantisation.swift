internal import SluiceCore
internal import SluiceFormats

/// How a model's weights are packed, as its config says: read through their scales where the layout
/// is one that was verified, refused by name otherwise.
package enum Quantisation: Sendable, Hashable {
  /// FP8 with a scale for each block (`fp8` of DeepSeek).
  case blockFP8(rows: Int, columns: Int)
  /// FP8 with a scale for each tensor, row or block (`float-quantized` of compressed-tensors).
  case scaledFP8(rows: Int?, columns: Int?)
  /// FP4 of gpt-oss, with a power of two for 32 weights.
  case mxfp4
  /// Integers of 4 bits (`pack-quantized` of compressed-tensors), with a scale for each group.
  case packedInt4(group: Int?)
  /// FP4 with a scale for 16 weights and one for the tensor (`nvfp4-pack-quantized`).
  case nvfp4
  /// Anything else, with what it is called.
  case refused(String)

  /// Reads what a config says; nil for a model that is not quantised.
  package init?(_ config: ModelConfig) {
    let section =
      ["quantization_config", "compression_config"].first { config.hasSection($0) }
      ?? config.textSection.map { "\($0).quantization_config" }.flatMap {
        config.hasSection($0) ? $0 : nil
      }
    guard let section else { return nil }
    func string(_ key: String) -> String? { config.string("\(section).\(key)") }
    func integer(_ key: String) -> Int? {
      if case .integer(let value)? = config.values["\(section).\(key)"] { value } else { nil }
    }
    let method = string("quant_method") ?? (string("format") != nil ? "compressed-tensors" : "")
    switch method {
    case "fp8":
      guard let rows = integer("weight_block_size.0"), let columns = integer("weight_block_size.1")
      else {
        self = .scaledFP8(rows: nil, columns: nil)
        return
      }
      self = rows > 0 && columns > 0 ? .blockFP8(rows: rows, columns: columns) : .refused(method)
    case "mxfp4": self = .mxfp4
    case "compressed-tensors": self = Quantisation.compressed(config, section)
    case "": self = .refused("a method without a name")
    default: self = .refused(method.printable(limit: 60))
    }
  }

  /// The formats of compressed-tensors, where all groups of layers agree.
  private static func compressed(_ config: ModelConfig, _ section: String) -> Quantisation {
    let format = config.string("\(section).format") ?? ""
    let refused = Quantisation.refused("compressed-tensors, format \(format.printable(limit: 60))")
    guard !config.hasSection("\(section).transform_config"),
      !config.hasSection("\(section).sparsity_config")
        || config.string("\(section).sparsity_config.format") == "dense"
    else { return .refused("compressed-tensors with transforms or sparsity") }
    var layouts: Set<Quantisation> = []
    let prefix = "\(section).config_groups."
    let groups = Set(
      config.values.keys.filter { $0.hasPrefix(prefix) }.compactMap {
        $0.dropFirst(prefix.count).split(separator: ".").first.map(String.init)
      })
    for group in groups {
      let weights = "\(prefix)\(group).weights"
      func value(_ key: String) -> JSONScalar? { config.values["\(weights).\(key)"] }
      func integer(_ key: String) -> Int? {
        if case .integer(let number)? = value(key), number > 0 { number } else { nil }
      }
      // Weights in another order carry indices; those with a zero point need it.
      guard value("symmetric") == .bool(true),
        [nil, .null, .string("static"), .string("weight")].contains(value("actorder"))
      else { return refused }
      let own = config.string("\(prefix)\(group).format") ?? format
      switch (own, value("type"), integer("num_bits")) {
      case ("float-quantized", .string("float"), 8), ("naive-quantized", .string("float"), 8):
        layouts.insert(
          .scaledFP8(
            rows: integer("block_structure.0"), columns: integer("block_structure.1")))
      case ("pack-quantized", .string("int"), 4):
        layouts.insert(.packedInt4(group: integer("group_size")))
      case ("nvfp4-pack-quantized", .string("float"), 4) where integer("group_size") == 16:
        layouts.insert(.nvfp4)
      default: return refused
      }
    }
    return layouts.count == 1 ? layouts.first ?? refused : refused
  }
}
