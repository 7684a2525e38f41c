internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// What models say of themselves, compared before any weight is read.
enum ConfigCheck {
  /// Refuses models of another structure than the base's; says what else differs.
  static func warnings(
    _ models: [SourceModel], base: SourceModel
  ) throws(PipelineError) -> [Warning] {
    guard let baseConfig = base.catalog.config else { return [] }
    var warnings: [Warning] = []
    for model in models {
      guard let config = model.catalog.config, model.store == nil else { continue }
      let found = ConfigComparison(config, with: baseConfig)
      let path = "\(model.checkpoint.path)/config.json"
      if let first = found.refused.first {
        throw .mismatch(
          model: model.name, file: path, tensor: nil,
          "\(first.key) is \(first.model), the base's is \(first.base): its weights are other parts, "
            + "whatever their shapes",
          remedy: "Is this a fine-tune of that base? If config.json is wrong, mend it.")
      }
      guard !found.warned.isEmpty else { continue }
      let list = found.warned.map { "\($0.key) is \($0.model) (the base's is \($0.base))" }
      warnings.append(
        Warning(
          .configDiffers, subject: Subject(model: model.name, file: path),
          message: list.joined(separator: ", ")
            + "; its weights were trained for that, and the merged model has the base's value"))
    }
    return warnings
  }
}
