internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe

/// An adapter of a model, and the tensors that it has something for.
package struct AppliedAdapter: Sendable {
  let path: String
  package let configText: [UInt8]
  package let tensorNames: Set<String>
  let unknownKeys: [String]
  let usesPacking: Bool
}

extension SourceModel {
  /// Opens the models of a request, the base first.
  ///
  /// - Parameter request: What is asked for, with names of the hub resolved.
  /// - Returns: The models.
  /// - Throws: `PipelineError` or `FormatError` if one is broken: of several the first.
  static func openAll(_ request: TensorRequest) throws -> [SourceModel] {
    let base = TensorRequest.Model(name: "base", path: request.base, layers: request.baseLayers)
    // Whose names are the base's by renaming, and whatever adapters change, asks the base.
    guard request.rules.renames.isEmpty, request.models.allSatisfy(\.adapters.isEmpty) else {
      var opened = [try open(name: base.name, path: base.path, layers: base.layers, firstFile: 0)]
      for model in request.models {
        let files = opened.reduce(0) { $0 + $1.checkpoint.files.count }
        opened.append(
          try open(
            model, base: opened[0], basePath: request.base, rules: request.rules,
            firstFile: files))
      }
      return opened
    }
    let first = try open(name: base.name, path: base.path, layers: base.layers, firstFile: 0)
    // Two at once: the text of a header may be long. Most have the base's.
    var opened =
      try [first]
      + Graph.map(request.models, "open", threads: 2) { model in
        Result {
          try open(
            name: model.name, path: model.path, layers: model.layers, firstFile: 0, like: first)
        }
      }.map { try $0.get() }
    for position in opened.indices.dropFirst() {
      let before = opened[position - 1]
      opened[position].firstFile = before.firstFile + before.checkpoint.files.count
      opened[position].followHead(of: opened[0])
    }
    return opened
  }

  /// Opens a model of a recipe: a checkpoint, a store, or a checkpoint with adapters.
  package static func open(
    _ model: TensorRequest.Model, base: SourceModel, basePath: String, rules: TensorRules,
    firstFile: Int
  ) throws -> SourceModel {
    guard !model.adapters.isEmpty else {
      var opened = try open(
        name: model.name, path: model.path, layers: model.layers, firstFile: firstFile,
        renamings: try TensorSources.renamings(rules), base: base)
      opened.followHead(of: base)
      return opened
    }
    do {
      var opened = try openAdapted(
        model, base: base, basePath: basePath, rules: rules, firstFile: firstFile)
      opened.followHead(of: base)
      return opened
    } catch let error as AdapterError {
      throw error.about(model: model.name)
    } catch let error as FormatError {
      throw error.about(model: model.name)
    }
  }

  private static func openAdapted(
    _ model: TensorRequest.Model, base: SourceModel, basePath: String, rules: TensorRules,
    firstFile: Int
  ) throws -> SourceModel {
    func resolved(_ path: String) -> String { (try? Directory.resolve(path)) ?? path }
    let isAlone = resolved(model.path) == resolved(basePath)
    let own =
      isAlone
      ? nil
      : try open(
        name: model.name, path: model.path, firstFile: firstFile,
        renamings: try TensorSources.renamings(rules), base: base)
    guard own?.store == nil else {
      throw PipelineError.badInput(
        "an adapter cannot be added to a delta store", model: model.name, file: model.path,
        remedy: "Give the adapter as a model of its own, or store the folded model.")
    }
    let ground = own ?? base
    var terms: [String: [DeltaTerm]] = [:]
    var saved: [String: Int] = [:]
    var files: [WeightFile] = []
    var applied: [AppliedAdapter] = []
    for (position, used) in model.adapters.enumerated() {
      let adapter = try Adapter.open(used.path)
      try checkRounding(rules, model, adapter)
      let use = AdapterUse(
        strength: used.scale, packing: rules.loraExperts,
        rounding: rules.loraRounding)
      let match = try AdapterMatcher.match(adapter, use) { name in
        ground.tensor(name).map {
          BaseTensor(
            shape: $0.entry.shape, dtype: $0.entry.dtype,
            isTurned: ground.catalog.stack(name) == nil && ground.catalog.layout(name) != nil)
        }
      }
      for (name, added) in match.terms {
        // A stack keeps its name; its layers find their part of it.
        let key =
          ground.catalog.stack(name) == nil ? ground.catalog.canonicalName(name) : name
        terms[key, default: []] += added
      }
      let whole = match.saved.map { entry in
        TensorEntry(
          name: ground.catalog.canonicalName(entry.name), dtype: entry.dtype, shape: entry.shape,
          byteRange: entry.byteRange, view: entry.view)
      }
      for entry in whole {
        guard saved.updateValue(position, forKey: entry.name) == nil else {
          throw AdapterError.badInput(
            "two adapters of the model hold this tensor whole", file: adapter.weights.path,
            tensor: entry.name, remedy: "Give the adapters as models of their own, and merge them.")
        }
      }
      files.append(
        WeightFile(
          input: adapter.weights.input, format: adapter.weights.format, tensors: whole))
      applied.append(
        AppliedAdapter(
          path: used.path, configText: adapter.configText, tensorNames: match.tensorNames,
          unknownKeys: adapter.config.unknownKeys, usesPacking: match.usesPacking))
    }
    let ownFiles = (own?.checkpoint.files ?? []).map { file in
      WeightFile(
        input: file.input, format: file.format,
        tensors: file.tensors.filter { tensor in
          saved[ground.catalog.canonicalName(tensor.name)] == nil
        })
    }
    let catalog = try ModelCatalog(
      try Checkpoint(
        path: model.path, directory: nil, files: ownFiles + files, config: own?.checkpoint.config),
      turned: isAlone ? base.catalog.transposed : [])
    let names = catalog.tensors.map(\.name)
    return SourceModel(
      name: model.name, catalog: catalog, firstFile: firstFile, config: own?.config,
      embeddingName: HeadNames.embedding(among: names),
      storedHeadName: names.first(where: HeadNames.isHead), terms: terms,
      isAdapterAlone: isAlone, adapters: applied)
  }

  /// PEFT rounds to the base's type behind each adapter; deltas that are added know nothing of that.
  private static func checkRounding(
    _ rules: TensorRules, _ model: TensorRequest.Model, _ adapter: Adapter
  ) throws {
    guard rules.loraRounding != .exact else { return }
    guard model.adapters.count == 1, model.adapters[0].scale == 1 else {
      throw PipelineError.usage(
        "lora-rounding \(rules.loraRounding.rawValue) is for one adapter with the scale 1, to be "
          + "compared with PEFT", remedy: "Leave it out: exact rounds once.")
    }
  }

  /// Without a head of its own, an adapter with an embedding says nothing of the head.
  fileprivate mutating func followHead(of base: SourceModel) {
    if isAdapterAlone { baseUsesEmbeddingAsHead = base.usesEmbeddingAsHead }
  }

  /// What adapters add to a tensor; to a head that is the embedding, what they add to that.
  func terms(for name: String, base: SourceModel) -> [DeltaTerm] {
    if let found = terms[name] { return found }
    guard HeadNames.isHead(name) else { return [] }
    if let head = terms.first(where: { HeadNames.isHead($0.key) }) { return head.value }
    let model = isAdapterAlone ? base : self
    guard storedHeadName == nil, model.usesEmbeddingAsHead, let embedding = model.embeddingName
    else { return [] }
    return terms[embedding] ?? []
  }

  /// What is odd about the adapters.
  var adapterWarnings: [Warning] {
    adapters.flatMap { adapter in
      adapter.unknownKeys.map { key in
        Warning(
          .oddInput, subject: Subject(model: name, file: "\(adapter.path)/adapter_config.json"),
          message: "the key \(key.printable) is not known, and was taken to change no weight")
      }
    }
  }
}
