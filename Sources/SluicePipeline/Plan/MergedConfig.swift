internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats

/// The merged model's `config.json`: the base's, with only those values changed that would be wrong.
enum MergedConfig {
  static func make(
    _ base: SourceModel, recipe: MergeRecipe, untiesHead: Bool, drafts: [TensorDraft]
  ) -> [UInt8]? {
    guard var config = base.config else { return nil }
    if let dtype = recipe.method.outputDType, let name = torchName(dtype) {
      // Newer configs call it dtype; a value of that name keeps its name.
      config.set(config.contains("dtype") ? "dtype" : "torch_dtype", to: .string(name))
    }
    if untiesHead { config.set("tie_word_embeddings", to: .bool(false)) }
    if recipe.method.vocabulary == .extend, let rows = extendedRows(base, drafts) {
      config.set("vocab_size", to: .integer(rows))
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
    guard let name = base.embeddingName, let before = base.checkpoint[name]?.entry.shape,
      let after = drafts.first(where: { $0.name == name })?.shape, before != after
    else { return nil }
    return after.dimensions[0]
  }
}
