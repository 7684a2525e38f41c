package import SluiceAdapters
internal import SluiceArchitecture
package import SluiceCore
internal import SluiceDataflow
package import SluiceFormats
package import SluiceStages

/// The models of a request, opened, and the tensors that they have in common: where each lies, and where
/// it goes in a checkpoint of them all.
package struct TensorSources {
  package let request: TensorRequest
  package let base: SourceModel
  package let models: [SourceModel]
  let drafts: [TensorDraft]
  package let tasks: [TensorTask]
  package let stripCount: Int
  package let layout: ShardLayout
  package let files: [InputFile]
  /// Whether the files are larger than what the page cache can hold of them, on this machine or in the
  /// control group of the process.
  package let inputsExceedCache: Bool
  /// What adapters add to tensors.
  package let computed: [AdapterTensor]
  /// Whether the merged model has a head of its own although the base's is tied.
  let untiesHead: Bool
  /// The tokens of the merged model, if a recipe says whose they are.
  let tokens: MergedTokens?
  /// What was skipped, converted or guessed.
  package let warnings: [Warning]

  /// Opens the models; reads headers only.
  ///
  /// - Parameters:
  ///   - request: What is asked for, with names of the hub resolved.
  ///   - stripElements: The number of elements in a strip.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken.
  package init(_ request: TensorRequest, stripElements: Int) throws {
    self.request = request
    let opened = try SourceModel.openAll(request)
    let (base, models) = (opened[0], Array(opened.dropFirst()))
    let configWarnings = try ConfigCheck.warnings(models, base: base)
    var matcher = TensorMatcher(rules: request.rules, base: base, models: models)
    drafts = TensorSources.ordered(try matcher.drafts())
    let places: [Place?]
    (layout, places) = try TensorSources.layout(drafts, request.rules)
    (tasks, stripCount) = try TensorSources.tasks(drafts, at: places, stripElements: stripElements)
    files = ([base] + models).flatMap { $0.checkpoint.files.map(\.input) }
    inputsExceedCache = TensorSources.exceedCache(files.reduce(0) { $0 + $1.byteCount })
    untiesHead = matcher.untiesHead
    tokens = matcher.alignment?.tokens
    let fileWarnings = ([base] + models).flatMap { model in
      model.checkpoint.warnings.map { warning in
        var subject = warning.subject
        subject.model = model.name
        return Warning(warning.kind, subject: subject, message: warning.message)
      }
    }
    computed = matcher.computed
    warnings =
      fileWarnings + matcher.warnings + models.flatMap(\.adapterWarnings) + configWarnings
      + request.warnings
    self.base = base
    self.models = models
  }

  /// The ordinal of each model's first input file, the base's before the fine-tuned models'.
  package var firstFiles: [Int] { ([base] + models).map(\.firstFile) }

  /// The models that come from stores.
  package var stored: StoredModels { StoredModels(stores: models.map(\.store)) }

  /// Whether so many bytes of inputs are larger than what the page cache can hold of them.
  static func exceedCache(_ byteCount: Int) -> Bool {
    guard let available = ProcessMemory.availableByteCount else { return true }
    let cache = min(available, ControlGroup.memoryLimit ?? available)
    return byteCount > cache / 10 * 7
  }

  /// What prefixes become of others.
  static func renamings(
    _ rules: TensorRules
  ) throws(PipelineError) -> [ModelNames.Renaming] {
    var renamings: [ModelNames.Renaming] = []
    for text in rules.renames {
      let parts = text.split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, parts[0] != parts[1] else {
        throw .usage(
          "--rename \(text.printable) does not say what becomes of what",
          remedy:
            "Write OLD=NEW: names that begin with OLD then begin with NEW; either may be empty.")
      }
      renamings.append(ModelNames.Renaming(old: String(parts[0]), new: String(parts[1])))
    }
    return renamings
  }

  /// In natural order of the names, which layouts have too.
  private static func ordered(_ drafts: [TensorDraft]) -> [TensorDraft] {
    var names = NameList(room: drafts.count)
    for draft in drafts { names.append(draft.name) }
    return names.naturalOrder.map { drafts[$0] }
  }

  /// Where a tensor begins in the output.
  private struct Place: Sendable {
    let shard: Int
    let offset: Int
  }

  /// Lays the tensors of the output out, and tells where each draft's is: layers of a stack make one together.
  private static func layout(
    _ drafts: [TensorDraft], _ rules: TensorRules
  ) throws(FormatError) -> (ShardLayout, [Place?]) {
    let first = drafts.indices.filter { drafts[$0].stack?.index ?? 0 == 0 }
    let tensors = first.map { position in
      let draft = drafts[position]
      return PlannedTensor(
        name: draft.stack?.tensor ?? draft.name, dtype: draft.outputDType,
        shape: draft.stack?.shape ?? draft.shape)
    }
    let (layout, positions) = try ShardLayout.places(
      tensors, shardByteLimit: rules.shardSize.bytes)
    var places = [Place?](repeating: nil, count: drafts.count)
    var stacks: [String: Place] = [:]
    for (ordinal, shard) in layout.shards.enumerated() {
      for (index, position) in positions[ordinal].enumerated() {
        let place = Place(shard: ordinal, offset: shard.tensors[index].byteRange.lowerBound)
        places[first[position]] = place
        if let stack = drafts[first[position]].stack { stacks[stack.tensor] = place }
      }
    }
    for (position, draft) in drafts.enumerated() where places[position] == nil {
      places[position] = draft.stack.flatMap { stacks[$0.tensor] }
    }
    return (layout, places)
  }

  private static func tasks(
    _ drafts: [TensorDraft], at places: [Place?], stripElements: Int
  ) throws -> ([TensorTask], Int) {
    let cutting = Granularity(
      stripElements: stripElements, chunkElements: Granularity.grainElements)
    var numbered: [(draft: Int, place: Place, firstStrip: Int)] = []
    numbered.reserveCapacity(drafts.count)
    var stripCount = 0
    for position in drafts.indices {
      guard let place = places[position] else { continue }
      numbered.append((position, place, stripCount))
      stripCount += cutting.stripCount(of: drafts[position].shape.elementCount)
    }
    let (all, blockLength) = (numbered, 1024)
    @Sendable func tasks(_ ordinals: Range<Int>) -> [TensorTask] {
      ordinals.map { ordinal in
        let (draft, place, firstStrip) = all[ordinal]
        return task(drafts[draft], ordinal, at: place, firstStrip: firstStrip)
      }
    }
    // Many at a time, as there may be ten thousands.
    guard all.count > blockLength else { return (tasks(all.indices), stripCount) }
    let blocks = try Graph.map(
      Array(stride(from: 0, to: all.count, by: blockLength)), "task", threads: 2
    ) { start in
      tasks(start..<min(start + blockLength, all.count))
    }
    return (Array(blocks.joined()), stripCount)
  }

  private static func task(
    _ draft: TensorDraft, _ ordinal: Int, at place: Place, firstStrip: Int
  ) -> TensorTask {
    let inside = (draft.stack?.firstElement ?? 0) * (draft.outputDType.byteCount ?? 1)
    return TensorTask(
      ordinal: ordinal, name: draft.name, role: draft.role,
      elementCount: draft.shape.elementCount,
      base: draft.base, baseElementCount: draft.baseElementCount, fineTuned: draft.fineTuned,
      fineTunedElementCounts: draft.fineTunedElementCounts,
      outputDType: draft.outputDType, outputShard: place.shard,
      outputOffset: place.offset + inside, firstStrip: firstStrip,
      columnCount: draft.shape.dimensions.last, dimensions: draft.shape.dimensions,
      part: draft.part, stack: draft.stack)
  }
}
