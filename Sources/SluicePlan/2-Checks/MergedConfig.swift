internal import SluiceMethods
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// The merged model's `config.json`: the base's, with only those values changed that would be wrong.
enum MergedConfig {
  static func make(
    _ base: SourceModel, rules: TensorRules, untiesHead: Bool, drafts: [TensorDraft],
    tokenRows: Int? = nil
  ) -> [UInt8]? {
    guard var config = base.config, let values = base.catalog.config else { return nil }
    let isUnpacked = base.catalog.quantisation != nil
    if let dtype = rules.outputDType ?? (isUnpacked ? .bf16 : nil),
      let name = torchName(dtype)
    {
      // Newer configs call it dtype; a value of that name keeps its name.
      config.set(config.contains("dtype") ? "dtype" : "torch_dtype", to: .string(name))
    }
    if isUnpacked {
      for section in ["quantization_config", "compression_config"] {
        config.remove([section])
        if let text = values.textSection {
          config.remove(text.split(separator: ".").map(String.init) + [section])
        }
      }
    }
    if untiesHead {
      let paths = values.paths("tie_word_embeddings")
      for path in paths.isEmpty ? [["tie_word_embeddings"]] : paths {
        config.set(path, to: .bool(false))
      }
    }
    if let rows = tokenRows ?? (rules.vocabulary == .extend ? extendedRows(base, drafts) : nil) {
      let paths = values.paths("vocab_size")
      for path in paths.isEmpty ? [["vocab_size"]] : paths { config.set(path, to: .integer(rows)) }
    }
    return config.bytes
  }

  private static func torchName(_ dtype: DType) -> String? {
    switch dtype {
    case .bf16: "bfloat16"
    case .f16: "float16"
    case .f32: "float32"
    case .f64: "float64"
    default: nil
    }
  }

  private static func extendedRows(_ base: SourceModel, _ drafts: [TensorDraft]) -> Int? {
    guard let name = base.embeddingName, let before = base.catalog[name]?.entry.shape,
      let after = drafts.first(where: { $0.name == name })?.shape, before != after
    else { return nil }
    return after.dimensions[0]
  }
}
