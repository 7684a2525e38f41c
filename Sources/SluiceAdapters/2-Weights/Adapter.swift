internal import SluiceCore
package import SluiceFormats

/// An adapter on disk: its config and the parts of its file of weights, in pairs.
package struct Adapter: Sendable {
  /// What the adapter holds of one module.
  struct Module: Sendable {
    var name: String
    var level: Int
    var parts: [AdapterKey.Part: TensorEntry] = [:]
  }

  /// The names of files of weights, the first that exists is read.
  static let weightNames = ["adapter_model.safetensors", "adapter_model.bin"]

  /// The directory as it was given.
  package let path: String
  /// The config.
  package let config: AdapterConfig
  /// The text of the config.
  package let configText: [UInt8]
  /// The file of weights.
  package let weights: WeightFile
  /// The modules, in the order of their names.
  let modules: [Module]
  /// The tensors of the base that are saved whole, under the base's names.
  package let saved: [TensorEntry]

  /// Opens an adapter; of the weights nothing is read yet.
  ///
  /// - Parameter path: The directory.
  /// - Returns: The adapter.
  /// - Throws: If it is none that can be folded.
  package static func open(_ path: String) throws -> Adapter {
    guard let status = try FileStatus.of(path) else {
      throw AdapterError.bad("no such directory", file: path, remedy: "Check the path.")
    }
    guard status.kind == .directory else {
      throw AdapterError.bad(
        "an adapter is a directory with \(AdapterConfig.fileName), not a file", file: path,
        remedy: "Give the directory.")
    }
    let configPath = "\(path)/\(AdapterConfig.fileName)"
    guard try FileStatus.of(configPath) != nil else { throw try missingConfig(in: path) }
    let text = try InputFile.contents(of: configPath, byteLimit: AdapterConfig.maximumByteCount)
    let config = try AdapterConfig(text, file: configPath)
    for name in weightNames where try FileStatus.of("\(path)/\(name)") != nil {
      let format: WeightFile.Format = name.hasSuffix(".bin") ? .pyTorch : .safetensors
      return try Adapter(
        path: path, config: config, configText: text,
        weights: try WeightFile.open("\(path)/\(name)", as: format))
    }
    throw AdapterError.bad(
      "neither \(weightNames[0]) nor \(weightNames[1]) found", file: path,
      remedy: "Download the adapter again.")
  }

  init(path: String, config: AdapterConfig, configText: [UInt8], weights: WeightFile) throws {
    self.path = path
    self.config = config
    self.configText = configText
    self.weights = weights
    var modules: [AdapterKey: Module] = [:]
    var saved: [String: TensorEntry] = [:]
    for entry in weights.tensors {
      guard let key = AdapterKey(entry.name) else {
        throw AdapterError.bad(
          "the name belongs to no part of a LoRA adapter that is known", file: weights.path,
          tensor: entry.name, remedy: "Fold it with PEFT, and give the whole model.")
      }
      guard entry.dtype.isMergeable else {
        throw AdapterError.bad(
          "weights of type \(entry.dtype) cannot be folded, only F32, F16, BF16 and F64",
          file: weights.path, tensor: entry.name, remedy: "Save the adapter unquantised.")
      }
      let other: TensorEntry?
      if key.part == .saved {
        let renamed = TensorEntry(
          name: key.name, dtype: entry.dtype, shape: entry.shape, byteRange: entry.byteRange,
          view: entry.view)
        other = saved.updateValue(renamed, forKey: key.name)
      } else {
        let place = AdapterKey(module: key.name, level: key.level)
        other = modules[place, default: Module(name: key.name, level: key.level)].parts
          .updateValue(entry, forKey: key.part)
      }
      guard other == nil else {
        throw AdapterError.bad(
          "two tensors stand for the same part of \(key.name.printable)", file: weights.path,
          tensor: entry.name, remedy: "Save the adapters one by one.")
      }
    }
    self.modules = modules.values.sorted { ($0.name, $0.level) < ($1.name, $1.level) }
    self.saved = saved.values.sorted { $0.name < $1.name }
    for module in self.modules { try checkPairs(of: module) }
    guard !self.modules.isEmpty || !self.saved.isEmpty else {
      throw AdapterError.bad(
        "the adapter holds no weights", file: weights.path, remedy: "Download the adapter again.")
    }
  }

  private func checkPairs(of module: Module) throws {
    let pairs: [(AdapterKey.Part, AdapterKey.Part, String)] = [
      (.factorA, .factorB, "lora_B"), (.factorB, .factorA, "lora_A"),
      (.embeddingA, .embeddingB, "lora_embedding_B"),
      (.embeddingB, .embeddingA, "lora_embedding_A"),
      (.bias, .factorB, "lora_B.weight"),
    ]
    for (part, other, name) in pairs {
      guard let entry = module.parts[part], module.parts[other] == nil else { continue }
      throw AdapterError.bad(
        "there is no \(name) that belongs to it", file: weights.path, tensor: entry.name,
        remedy: "Download the adapter again, or save it anew.")
    }
    let hasFactors = module.parts[.factorA] != nil || module.parts[.embeddingA] != nil
    if hasFactors, (module.parts[.magnitude] != nil) != config.isDecomposed {
      let entry = module.parts[.magnitude] ?? module.parts[.factorA] ?? module.parts[.embeddingA]
      throw AdapterError.bad(
        config.isDecomposed
          ? "use_dora is set, but there is no magnitude vector"
          : "there is a magnitude vector, but use_dora is not set",
        file: weights.path, tensor: entry?.name,
        remedy: "Config and weights disagree: use those that were saved together.")
    }
    if !hasFactors, let entry = module.parts[.magnitude] {
      throw AdapterError.bad(
        "a magnitude vector without factors", file: weights.path, tensor: entry.name,
        remedy: "Download the adapter again, or save it anew.")
    }
  }

  private static func missingConfig(in path: String) throws -> AdapterError {
    let inner = try Directory.list(path).first { entry in
      entry.status?.kind == .directory
        && (try? FileStatus.of("\(path)/\(entry.name)/\(AdapterConfig.fileName)")) != nil
    }
    return .bad(
      "no \(AdapterConfig.fileName)", file: path,
      remedy: inner.map { "Give the directory of one adapter: \(path)/\($0.name.printable)" }
        ?? "An adapter is a directory as PEFT saves it.")
  }
}

extension AdapterKey {
  /// The place of a module, whatever its part.
  fileprivate init(module: String, level: Int) {
    name = module
    self.level = level
    part = .factorA
  }
}
