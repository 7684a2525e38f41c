internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// A checkpoint whose layers come from others: `slices` of a recipe.
///
/// Layers are numbered in the order in which they are given; what lies outside of layers comes from the
/// first source if it stands before them, from the last if it stands behind. No byte is moved: tensors of
/// the stack are tensors of the files, under other names, and several may be the same.
struct StackedCheckpoint {
  /// The runs; without a checkpoint where nothing stands.
  private let parts: [(source: LayerSource, checkpoint: Checkpoint?, prefix: String)]
  private let path: String

  /// Opens the models.
  ///
  /// - Parameters:
  ///   - path: The model whose config is taken.
  ///   - layers: The runs of layers, in order.
  /// - Throws: If a model is none, or it is not known which of its layers are counted.
  init(path: String, layers: [LayerSource]) throws(FormatError) {
    var opened: [String: (Checkpoint, String)] = [:]
    var parts: [(source: LayerSource, checkpoint: Checkpoint?, prefix: String)] = []
    for source in layers {
      guard !source.isGap else {
        parts.append((source, nil, ""))
        continue
      }
      if opened[source.path] == nil {
        let checkpoint = try Checkpoint.open(source.path)
        opened[source.path] = (checkpoint, try StackedCheckpoint.prefix(checkpoint))
      }
      guard let (checkpoint, prefix) = opened[source.path] else { continue }
      parts.append((source, checkpoint, prefix))
    }
    self.parts = parts
    self.path = path
  }

  /// The stack.
  ///
  /// - Returns: A checkpoint of the models' files.
  /// - Throws: If a model lacks a layer, or a config is none.
  func checkpoint() throws(FormatError) -> Checkpoint {
    var files: [WeightFile] = []
    var firstFiles: [String: Int] = [:]
    var tensors: [CheckpointTensor] = []
    var layers: [LayeredConfig.Layer] = []
    for part in parts where firstFiles[part.source.path] == nil {
      firstFiles[part.source.path] = files.count
      files += part.checkpoint?.files ?? []
    }
    let prefix = parts.first { !$0.source.isGap }?.prefix ?? ""
    for (position, part) in parts.enumerated() {
      guard let checkpoint = part.checkpoint else {
        layers += part.source.layers.map { LayeredConfig.Layer(config: nil, number: $0) }
        continue
      }
      let firstFile = firstFiles[part.source.path] ?? 0
      func take(_ tensor: CheckpointTensor, _ name: String) {
        tensors.append(tensor.renamed(name, inFile: firstFile + tensor.fileOrdinal))
      }
      if position == 0 {
        for tensor in outside(part) where !BlockName.isBehindBlocks(tensor.name) {
          take(tensor, tensor.name)
        }
      }
      var found: [Int: [(CheckpointTensor, BlockName.Parts)]] = [:]
      for tensor in checkpoint.tensors {
        guard let name = BlockName.parts(of: tensor.name), name.before == part.prefix else {
          continue
        }
        found[name.number, default: []].append((tensor, name))
      }
      let config = try checkpoint.config.map { bytes throws(FormatError) in
        try ModelConfig(bytes, file: "\(part.source.path)/config.json")
      }
      for number in part.source.layers {
        guard let layer = found[number] else {
          throw FormatError.badInput(
            "the recipe takes layer \(number), and the model has no layer of this number",
            file: part.source.path, remedy: "Its layers are 0 to \((found.keys.max() ?? 0)).")
        }
        for (tensor, name) in layer {
          // The first source's names are the stack's, so that all layers have the same.
          take(tensor, prefix + "\(layers.count)" + name.behind)
        }
        layers.append(LayeredConfig.Layer(config: config, number: number))
      }
      if position == parts.count - 1 {
        for tensor in outside(part) where BlockName.isBehindBlocks(tensor.name) {
          take(tensor, tensor.name)
        }
      }
    }
    let own = try config().map { bytes throws(FormatError) in
      try LayeredConfig.config(bytes, file: "\(path)/config.json", layers: layers)
    }
    let directory = try FileStatus.of(path)?.kind == .directory ? path : nil
    return try Checkpoint(
      path: path, directory: directory, files: files, tensors: tensors, config: own)
  }

  private func outside(
    _ part: (source: LayerSource, checkpoint: Checkpoint?, prefix: String)
  ) -> [CheckpointTensor] {
    (part.checkpoint?.tensors ?? []).filter {
      BlockName.parts(of: $0.name)?.before != part.prefix
    }
  }

  /// The config of the model that the stack's is made from.
  private func config() throws(FormatError) -> [UInt8]? {
    if let part = parts.first(where: { $0.source.path == path }) { return part.checkpoint?.config }
    let file = "\(path)/config.json"
    guard try FileStatus.of(file) != nil else { return nil }
    return try InputFile.contents(of: file, byteLimit: Checkpoint.maximumConfigByteCount)
  }

  /// What stands before the numbers of a model's layers.
  private static func prefix(_ checkpoint: Checkpoint) throws(FormatError) -> String {
    let all = Set(checkpoint.tensors.compactMap { BlockName.parts(of: $0.name)?.before })
    // Towers that see or hear stay what they are.
    let prefixes = all.filter { prefix in
      !["vision", "visual", "audio", "projector"].contains { prefix.contains(bytesOf: $0) }
    }
    guard prefixes.count == 1, let prefix = prefixes.first else {
      throw FormatError.badInput(
        prefixes.isEmpty
          ? "no tensor is part of a numbered layer, and the recipe takes layers"
          : "layers are numbered more than once (\(prefixes.sorted().joined(separator: ", ").printable)), "
            + "and it is not known which the recipe takes",
        file: checkpoint.path, remedy: "Merge whole models: models in the place of slices.")
    }
    return prefix
  }
}
