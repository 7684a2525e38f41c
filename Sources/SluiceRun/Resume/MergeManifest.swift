internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceSolvers
internal import SluiceStages
internal import SluiceStore

/// The manifest of a merge.
enum MergeManifest {
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - isShared: Whether processes on several machines do it, which may see inputs with other times: then
  ///     those are known by what is in them alone.
  /// - Returns: The manifest.
  /// - Throws: If an input cannot be read.
  static func make(_ plan: MergePlan, isShared: Bool = false) throws -> Manifest {
    let tensors = try Future("tensors") { try tensorsHash(plan.tasks) }
    var manifest = Manifest()
    manifest.add(fact: "kind", isShared ? "shared merge" : "merge")
    // Another version may compute other bytes.
    manifest.add(fact: "sluice", SluiceVersion.current)
    addRecipe(plan.recipe, to: &manifest)
    try addInputs(plan.tensors, hasTimes: !isShared, to: &manifest)
    try addFiles(plan, hasTimes: !isShared, to: &manifest)
    try addPlan(plan, tensors: tensors, to: &manifest)
    if isShared, plan.recipe.method.passes.contains(.solve), plan.recipe.steps == nil {
      manifest.add(fact: solverFact, SolverLibraries.identity)
    }
    return manifest
  }

  /// What layers of a shared run are solved with: its last bits depend on the processor.
  static let solverFact = "solver"

  /// The manifest of a store.
  static func make(
    storing request: PruneRun.Request, _ plan: TensorPlan, _ warnings: [Warning]
  ) throws -> Manifest {
    var manifest = Manifest()
    manifest.add(fact: "kind", "store")
    manifest.add(fact: "sluice", SluiceVersion.current)
    for (name, value) in try storeFacts(request, plan, warnings).sorted(by: { $0.key < $1.key }) {
      manifest.add(fact: "store.\(name)", value)
    }
    manifest.add(note: "base", request.base)
    manifest.add(note: "model.model", request.model)
    try addInputs(plan, to: &manifest)
    manifest.add(fact: "stripElements", "\(plan.options.stripElements)")
    manifest.add(fact: "tensors", try tensorsHash(plan.tasks).hexadecimal)
    return manifest
  }

  /// What a store says of itself: how it was made, and from what.
  static func storeFacts(
    _ request: PruneRun.Request, _ plan: TensorPlan, _ warnings: [Warning]
  ) throws -> [String: String] {
    var facts = [
      DeltaStore.formatKey: DeltaStore.version, "sluice": SluiceVersion.current,
      "lowest-rate": max(0, request.pruningRate.value - request.maxRateDeviation).shortText,
      "codec": request.codec.label,
    ]
    if let made = request.deltaFact { (facts["deltas"], facts["lowest-rate"]) = (made, "0") }
    for (name, files) in plan.filesByModel {
      // Content without names and times: the same model is the same wherever it lies.
      let prints = try files.map { try Fingerprint(of: $0).content.hexadecimal }
      facts[name == "base" ? "base" : "model"] = prints.joined(separator: " ")
    }
    for (number, adapter) in request.adapters.enumerated() {
      facts["adapter.\(number)"] =
        "\(Hash128(of: plan.adapters[0][number].configText).hexadecimal) \(adapter.scale) "
        + "\(request.adapterRounding.rawValue) \(request.expertPacking?.rawValue ?? "-")"
    }
    // What such a store says nothing of is the base's.
    if plan.isAdapterAlone[0] { facts["adapter-alone"] = "yes" }
    let left = warnings.filter { $0.kind == .extraTensor }.compactMap(\.subject.tensor)
    if let first = left.first {
      facts["left-out"] = left.count > 1 ? "\(first) and \(left.count - 1) more" : first
    }
    return facts
  }

  private static func addRecipe(_ recipe: MergeRecipe, to manifest: inout Manifest) {
    manifest.add(note: "base", recipe.base)
    for model in recipe.models {
      manifest.add(note: "model.\(model.name)", model.path)
      for (number, adapter) in model.adapters.enumerated() {
        manifest.add(note: "adapter.\(model.name).\(number)", adapter.path)
      }
      for file in MethodInputFile.allCases {
        if let path = model.extraFiles[file] {
          manifest.add(note: "\(file.rawValue).\(model.name)", path)
        }
      }
    }
    for file in MethodInputFile.allCases {
      if let path = recipe.extraFiles[file] { manifest.add(note: file.rawValue, path) }
    }
    for (name, value) in recipe.facts { manifest.add(fact: "\(recipePrefix)\(name)", value) }
  }

  /// What the names of facts begin with that are the recipe's.
  static let recipePrefix = "recipe."

  private static func addInputs(
    _ plan: TensorPlan, hasTimes: Bool = true, to manifest: inout Manifest
  ) throws {
    let options = plan.options
    var looks: [Result<Look, any Error>] = []
    // Many short reads of many files: each waits for the disk.
    try Graph.mapInOrder(
      plan.files, "fingerprint", threads: min(lookThreads, plan.files.count),
      ahead: plan.files.count
    ) { file in
      Result { try Look(at: file, options) }
    } take: {
      looks.append($0)
    }
    for (look, (model, key)) in zip(looks, inputKeys(plan)) {
      // The base comes first.
      let isStored = model > 0 && plan.stored.isStored(model - 1)
      try look.get().add(to: &manifest, as: key, hasTime: hasTimes && !isStored)
    }
    for (model, adapters) in zip(plan.modelNames, plan.adapters) {
      for (number, adapter) in adapters.enumerated() {
        manifest.add(
          fact: "adapter.\(model).\(number)", Hash128(of: adapter.configText).hexadecimal)
      }
    }
  }

  /// What each input file is called, and the position of its model, the base's before the others'.
  private static func inputKeys(_ plan: TensorPlan) -> [(model: Int, key: String)] {
    plan.filesByModel.enumerated().flatMap { model, entry in
      var counts: [String: Int] = [:]
      return entry.files.map { file in
        let fileName = file.path.split(separator: "/").last.map { String($0) } ?? file.path
        // The files of a stack lie in several directories.
        let count = counts[fileName, default: 0] + 1
        counts[fileName] = count
        return (model, "input.\(entry.name).\(fileName)" + (count > 1 ? " \(count)" : ""))
      }
    }
  }

  /// What is in each input file of a plan, as its manifest says.
  static func contents(_ plan: TensorPlan, _ manifest: Manifest) -> [Hash128] {
    let facts = Dictionary(manifest.facts.map { ($0.name, $0.value) }) { first, _ in first }
    return inputKeys(plan).compactMap { _, key in
      facts["\(key).content"].flatMap { Hash128(hexadecimal: $0) }
    }
  }

  private static let lookThreads = 8

  /// What a file holds, and where it lies.
  private struct Look: Sendable {
    let fingerprint: Fingerprint
    let place: InputPlace

    init(at file: InputFile, _ options: RunOptions) throws {
      fingerprint = try Fingerprint(of: file)
      place = try InputPlace(of: file, isRead: options.inputCheck == .all)
    }

    func add(to manifest: inout Manifest, as key: String, hasTime: Bool) {
      fingerprint.add(to: &manifest, as: key, hasTime: hasTime)
      manifest.places.append(Manifest.Entry(name: key, value: place.text))
    }
  }

  /// Files of the method, and those that are copied.
  private static func addFiles(
    _ plan: MergePlan, hasTimes: Bool, to manifest: inout Manifest
  ) throws {
    for file in MethodInputFile.allCases {
      let paths =
        [("", plan.recipe.extraFiles[file])]
        + plan.recipe.models.map { (".\($0.name)", $0.extraFiles[file]) }
      for case (let owner, let path?) in paths {
        let key = "extra.\(file.rawValue)\(owner)"
        try Look(at: try InputFile.open(path), plan.options)
          .add(to: &manifest, as: key, hasTime: hasTimes)
      }
    }
    for file in plan.companions.files {
      if let change = file.change {
        manifest.add(fact: "changed.\(file.name)", change.hash.hexadecimal)
      }
      guard let status = try FileStatus.of(file.source) else { continue }
      let content =
        hasTimes
        ? "of \(status.modificationNanoseconds)"
        : "with \(try Fingerprint(of: InputFile.open(file.source)).content.hexadecimal)"
      manifest.add(fact: "copied.\(file.name)", "\(status.byteCount) bytes \(content)")
    }
  }

  private static func addPlan(
    _ plan: MergePlan, tensors: Future<Hash128>, to manifest: inout Manifest
  ) throws {
    for shard in plan.layout.shards {
      manifest.add(
        fact: "output.\(shard.fileName)",
        "\(shard.byteCount) bytes, header \(Hash128(of: shard.header).hexadecimal)")
    }
    manifest.add(fact: "output.index", Hash128(of: plan.layout.index ?? []).hexadecimal)
    manifest.add(fact: "output.config", Hash128(of: plan.config ?? []).hexadecimal)
    manifest.add(fact: "stripElements", "\(plan.options.stripElements)")
    manifest.add(fact: "tensors", try tensors.value().hexadecimal)
    let survey = plan.linearTasks.reduce(0) { $0 + plan.tensors.strips(of: $1).count }
    manifest.add(note: "\(UnitKind.survey.rawValue).units", "\(survey)")
    manifest.add(
      note: "\(UnitKind.survey.rawValue).bytes",
      "\(TensorPlan.inputByteCount(plan.linearTasks))")
    manifest.add(note: "\(UnitKind.merge.rawValue).units", "\(plan.tensors.stripCount)")
    manifest.add(
      note: "\(UnitKind.merge.rawValue).bytes",
      "\(TensorPlan.inputByteCount(plan.tasks) + plan.layout.tensorByteCount)")
  }
}

extension TensorPlan {
  /// The input files of each model, the base first.
  var filesByModel: [(name: String, files: ArraySlice<InputFile>)] {
    let names = ["base"] + modelNames
    return names.indices.map { index in
      let end = index + 1 < firstFiles.count ? firstFiles[index + 1] : files.count
      return (names[index], files[firstFiles[index]..<end])
    }
  }
}

extension MergePlan {
  /// Everything that decides about the bytes of the merged model: recipe, inputs, layout, version.
  package func manifest() throws -> Manifest { try MergeManifest.make(self) }
}
