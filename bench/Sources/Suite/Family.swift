import Glibc
public import ModelFamilies
import Platform

/// A model family that a scenario merges, described so that it can be made on demand.
public struct Family: Hashable, Sendable {
  /// The name of its shape, nil for the one that the run was asked for.
  public let shape: String?
  /// The type of its elements.
  public let type: ElementType
  /// How many fine-tuned models are merged.
  public let models: Int
  /// Decoder layers, nil for as many as the shape has.
  public let layers: Int?
  /// Bytes of an extra linear, 0 for none.
  public let largestTensorBytes: Int
  /// How many layers have weights of their own, nil where all have.
  public let distinctLayers: Int?

  /// Describes a family.
  /// - Parameters:
  ///   - shape: the name of its shape, nil for the one that the run was asked for.
  ///   - type: the type of its elements.
  ///   - models: how many fine-tuned models are merged.
  ///   - layers: decoder layers, nil for as many as the shape has.
  ///   - largestTensorBytes: bytes of an extra linear, 0 for none.
  ///   - distinctLayers: how many layers have weights of their own, nil where all have.
  public init(
    shape: String? = nil, type: ElementType = .bf16, models: Int = 2, layers: Int? = nil,
    largestTensorBytes: Int = 0, distinctLayers: Int? = nil
  ) {
    self.shape = shape
    self.type = type
    self.models = models
    self.layers = layers
    self.largestTensorBytes = largestTensorBytes
    self.distinctLayers = distinctLayers
  }

  /// The name of its folder: families that differ in the number of models alone share one.
  /// - Parameter runShape: the shape that the run was asked for.
  /// - Returns: such as `llama-1.1b` or `llama-1.1b-f32`.
  public func folder(runShape: String) -> String {
    var name = shape ?? runShape
    if type != .bf16 { name += "-" + type.rawValue.lowercased() }
    if let layers { name += "-layers-\(layers)" }
    if largestTensorBytes > 0 { name += "-largest-\(largestTensorBytes)" }
    if let distinctLayers { name += "-distinct-\(distinctLayers)" }
    return name
  }

  /// Where its folder is.
  /// - Parameters:
  ///   - data: the folder of all families.
  ///   - runShape: the shape that the run was asked for.
  /// - Returns: its path.
  public func path(in data: String, runShape: String) -> String {
    data + "/" + folder(runShape: runShape)
  }

  /// Where its tensors lie.
  func layout(runShape: String) throws -> CheckpointLayout {
    guard var shape = ModelShape.named[shape ?? runShape] else {
      let known = ModelShape.named.keys.sorted().joined(separator: ", ")
      throw BenchFailure("no shape '\(shape ?? runShape)'; there are \(known)")
    }
    shape.layers = layers ?? shape.layers
    shape.largestTensorBytes = largestTensorBytes
    if let distinctLayers {
      return CheckpointLayout(shape: shape, type: type, distinctLayers: distinctLayers)
    }
    return CheckpointLayout(shape: shape, type: type, shardBytes: 2_000_000_000)
  }

  /// Makes what is missing of the family; models that are there are not touched.
  /// - Parameters:
  ///   - data: the folder of all families.
  ///   - runShape: the shape that the run was asked for.
  /// - Returns: where the models are.
  /// - Throws: `BenchFailure` when a model cannot be written.
  public func make(in data: String, runShape: String) throws -> FamilyFolder {
    let layout = try layout(runShape: runShape)
    let threads = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    let writer = FamilyWriter(layout: layout, size: .light, seed: 0, threads: threads)
    let path = path(in: data, runShape: runShape)
    var made: [String] = []
    for number in 0...models {
      let model = path + "/" + FamilyWriter.modelName(number)
      if isComplete(model, layout) { continue }
      _ = try writer.write(to: model, model: number, force: false)
      made.append(model)
    }
    return FamilyFolder(
      path: path, models: (1...models).map(FamilyWriter.modelName), made: made,
      bytesOut: layout.fileByteCount)
  }

  private func isComplete(_ model: String, _ layout: CheckpointLayout) -> Bool {
    layout.shards.allSatisfy { shard in
      var status = stat()
      return stat("\(model)/\(shard.fileName)", &status) == 0
        && Int(status.st_size) == shard.byteCount
    } && access(model + "/config.json", R_OK) == 0
  }
}

/// A family on disk.
public struct FamilyFolder: Sendable {
  /// Its folder; the base model is `base` in it.
  public let path: String
  /// The names of the fine-tuned models, which are their folders.
  public let models: [String]
  /// The models that were written and not found.
  public let made: [String]
  /// Bytes of one model's weight files.
  public let bytesOut: Int

  /// The base model.
  public var base: String { path + "/base" }

  /// The weight files of all models, the base's first.
  /// - Returns: their paths.
  /// - Throws: `BenchFailure` when one is missing.
  public func inputs() throws -> [String] {
    try (["base"] + models).flatMap { try Directory.weightFiles(in: "\(path)/\($0)") }
  }

  /// The same folder, with what another scenario made in it.
  /// - Parameter other: the folder as that scenario found it.
  /// - Returns: a folder that names all models made.
  public func adding(_ other: FamilyFolder) -> FamilyFolder {
    FamilyFolder(
      path: path, models: models.count < other.models.count ? other.models : models,
      made: made + other.made, bytesOut: bytesOut)
  }

  /// Removes what this run wrote, and the folder if nothing else is in it.
  /// - Throws: `BenchFailure` when something cannot be removed.
  public func removeMade() throws {
    for model in made { try Directory.remove(model) }
    rmdir(path)
  }
}
