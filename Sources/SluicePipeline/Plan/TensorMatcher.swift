internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// Finds for every tensor of the merged model what each model has to give, and checks that it fits:
/// names, shapes, dtypes (C1, C2, C13, C14 of the specification).
struct TensorMatcher {
  let rules: TensorRules
  let base: SourceModel
  let models: [SourceModel]
  private(set) var warnings: [Warning] = []
  private(set) var untiesHead = false
  /// What adapters add to tensors; a position is the number of the deltas.
  private(set) var computed: [AdapterTensor] = []
  /// The stack whose layer is being matched, and where the layer lies in it.
  private var place: StackPlace?
  /// Why tensors are taken for their parts: a few texts, kept once.
  private var reasons: Set<String> = []
  /// For each model, the tensors that it does not have.
  private var absent: [[String]]
  /// Which rows stand for the same tokens, if that is asked for.
  private var vocabulary: VocabularyMatch?

  init(rules: TensorRules, base: SourceModel, models: [SourceModel]) {
    self.rules = rules
    self.base = base
    self.models = models
    absent = Array(repeating: [], count: models.count)
  }

  /// All tensors of the merged model.
  mutating func drafts() throws -> [TensorDraft] {
    for model in models where model.store == nil && !model.isAdapterAlone {
      try NameCheck.check(model, base: base, rules)
    }
    for model in [base] + models {
      if let warning = try HeadCheck.warning(model) { warnings.append(warning) }
    }
    if rules.vocabulary == .match {
      let match = try VocabularyMatch(base: base, models: models)
      warnings += match.warnings
      vocabulary = match
    }
    var drafts: [TensorDraft] = []
    for tensor in base.catalog.tensors {
      guard let stack = base.catalog.stack(tensor.name) else {
        let name = base.catalog.canonicalName(tensor.name)
        var draft = try draft(of: base.tensor(tensor.name) ?? tensor, named: name, tensor)
        let layout = base.catalog.layout(tensor.name)
        if name != tensor.name || layout != nil {
          draft.stack = StackPlace(
            tensor: tensor.name, index: 0, count: 1, shape: tensor.entry.shape, layout: layout)
        }
        drafts.append(draft)
        continue
      }
      let part = base.catalog.part(of: tensor)
      for index in 0..<stack.layerCount {
        guard let layer = base.catalog.layer(index, of: tensor.name) else { continue }
        place = StackPlace(
          tensor: tensor.name, index: index, count: stack.layerCount, shape: tensor.entry.shape,
          layout: stack.layout)
        defer { place = nil }
        var draft = try draft(of: layer, named: layer.name, in: tensor, part)
        draft.stack = place
        drafts.append(draft)
      }
    }
    if let head = try addedHead() { drafts.append(head) }
    drafts += try extraTensors()
    warnAboutAbsentTensors()
    warnAboutMixedDTypes()
    try checkRows(drafts)
    try checkAdapters(drafts)
    return drafts
  }

  /// The part of a tensor, or of a layer of a stack, once the rules' patterns have been heard.
  private func part(
    _ tensor: CheckpointTensor, _ name: String, _ stack: CheckpointTensor?, _ known: TensorPart?
  ) -> TensorPart {
    let shape = tensor.entry.shape
    guard let stack, let known else {
      var own = base.catalog.part(of: tensor)
      // An embedding that plays the part of a head is one.
      if HeadNames.isHead(name) { own = TensorPart(.head, "its name says head") }
      return rules.linearSet.adjusted(own, name: name, shape: shape)
    }
    var layer = rules.linearSet.adjusted(known, name: stack.name, shape: stack.entry.shape)
    layer = rules.linearSet.adjusted(layer, name: name, shape: shape)
    layer.matrixCount = 1
    return layer
  }

  private mutating func draft(
    of tensor: CheckpointTensor, named name: String, _ named: CheckpointTensor? = nil,
    in stack: CheckpointTensor? = nil, _ known: TensorPart? = nil
  ) throws -> TensorDraft {
    let (shape, dtype) = (tensor.entry.shape, tensor.entry.dtype)
    var part = part(HeadNames.isHead(name) ? tensor : named ?? tensor, name, stack, known)
    part.reason = reasons.insert(part.reason).memberAfterInsert
    if part.kind == .packed { throw packed(base, tensor, part) }
    if !dtype.isMergeable || part.kind == .rotary {
      let isAdapted = models.contains { !$0.terms(for: name, base: base).isEmpty }
      if part.isLinear || isAdapted || (dtype.isFloatingPoint && !dtype.isMergeable) {
        throw unmergeable(base, tensor)
      }
      try checkBuffers(tensor, part)
      return copy(of: tensor, named: name, part, in: base)
    }
    if dtype == .f64 { warnAboutF64(base, tensor) }
    let written = rules.outputDType ?? (tensor.entry.packed == nil ? dtype : .bf16)
    let role = role(of: part)
    if role == .converted, tensor.entry.packed == nil, written == dtype,
      part.kind != .router || rules.routers != .first
    {
      return copy(of: tensor, named: name, part, in: base)
    }
    var result = TensorDraft(
      name: name, role: role, part: part, shape: shape, outputDType: written,
      base: base.source(tensor), baseElementCount: shape.elementCount,
      fineTuned: Array(repeating: nil, count: models.count),
      fineTunedElementCounts: Array(repeating: 0, count: models.count))
    if role == .converted {
      if part.kind == .router, rules.routers == .first { try takeFirst(&result, shape) }
      return result
    }
    for model in models.indices { try match(model, &result, baseShape: shape) }
    return result
  }

  /// What is done with a part.
  private func role(of part: TensorPart) -> TensorRole {
    if part.isLinear { return .linear }
    if part.kind == .router {
      switch rules.routers {
      case .merge: break
      case .average: return .averaged
      case .base, .first: return .converted
      }
    }
    return rules.nonLinear == .base ? .converted : .dense
  }

  /// The first model's own weights in the place of the base's.
  private mutating func takeFirst(_ draft: inout TensorDraft, _ shape: TensorShape) throws {
    try match(0, &draft, baseShape: shape)
    if let own = draft.fineTuned[0] {
      guard own.computed == nil else {
        throw PipelineError.mismatch(
          model: models[0].name, file: models[0].checkpoint.path, tensor: draft.name,
          "an adapter changes this router, and the first model's routers are to be taken",
          remedy: "--routers merge adds what it changes.")
      }
      draft.base = own
    }
    draft.fineTuned = Array(repeating: nil, count: models.count)
    draft.fineTunedElementCounts = Array(repeating: 0, count: models.count)
  }

  private mutating func match(
    _ ordinal: Int, _ draft: inout TensorDraft, baseShape: TensorShape
  ) throws {
    let model = models[ordinal]
    var terms = model.terms(for: draft.name, base: base)
    var firstElement = 0
    if terms.isEmpty, let place, let ofStack = model.terms[place.tensor] {
      (terms, firstElement) = (ofStack, place.firstElement)
      if let outputs = place.outputs {
        terms = try ofStack.map { try layer(of: $0, outputs, model, draft.name) }
        firstElement = 0
      }
    }
    guard let tensor = model.tensor(draft.name) else {
      if !terms.isEmpty {
        draft.fineTuned[ordinal] = TensorSource(computed: computed.count)
        draft.fineTunedElementCounts[ordinal] = baseShape.elementCount
        computed.append(
          AdapterTensor(
            name: draft.name, terms: terms, ground: draft.base, firstElement: firstElement))
      }
      guard !model.isAdapterAlone else { return }
      guard rules.absent != .error else {
        throw PipelineError.mismatch(
          model: model.name, file: model.checkpoint.path, tensor: draft.name,
          "the model does not have this tensor",
          remedy: "--absent base takes what a model lacks as unchanged.")
      }
      absent[ordinal].append(draft.name)
      return
    }
    guard tensor.entry.dtype.isMergeable else { throw unmergeable(model, tensor) }
    if tensor.entry.dtype == .f64 { warnAboutF64(model, tensor) }
    let shape = tensor.entry.shape
    if let matched = vocabulary?.source(
      of: tensor, in: ordinal, model.source(tensor), base: draft)
    {
      draft.fineTuned[ordinal] = matched
      draft.fineTunedElementCounts[ordinal] = draft.shape.elementCount
      return
    }
    if shape != baseShape { try matchRows(model, tensor, &draft, baseShape: baseShape) }
    let stored = model.source(tensor)
    draft.fineTuned[ordinal] = stored
    draft.fineTunedElementCounts[ordinal] = min(shape.elementCount, draft.shape.elementCount)
    guard !terms.isEmpty else { return }
    draft.fineTuned[ordinal] = TensorSource(
      file: stored.file, dtype: stored.dtype, byteRange: stored.byteRange, view: stored.view,
      packed: stored.packed, computed: computed.count)
    computed.append(
      AdapterTensor(name: draft.name, terms: terms, ground: stored, firstElement: firstElement))
  }

  /// The part of what an adapter adds to a stack that belongs to a layer.
  private func layer(
    of term: DeltaTerm, _ outputs: StackPlace.Outputs, _ model: SourceModel, _ name: String
  ) throws -> DeltaTerm {
    let own = term.layer(
      matrix: outputs.matrix, first: outputs.first, count: outputs.count, step: outputs.step)
    guard let own else {
      throw PipelineError.mismatch(
        model: model.name, file: model.checkpoint.path, tensor: name,
        "an adapter changes this stack of experts otherwise than by factors, and the layers are no "
          + "pieces of it", remedy: "Fold the adapter with PEFT, and give the whole model.")
    }
    return own
  }

  private mutating func matchRows(
    _ model: SourceModel, _ tensor: CheckpointTensor, _ draft: inout TensorDraft,
    baseShape: TensorShape
  ) throws(PipelineError) {
    let shape = tensor.entry.shape
    guard shape.elementCount > 0 else {
      throw .mismatch(
        model: model.name, file: model.file(of: tensor), tensor: draft.name,
        "the tensor is empty (\(shape)), the base's is \(baseShape)",
        remedy:
          "It was saved under DeepSpeed ZeRO-3 without its weights being gathered; save it again "
          + "with them (zero_to_fp32.py, or stage3_gather_16bit_weights_on_model_save).")
    }
    let holdsTokens =
      draft.part.kind == .embedding || draft.part.kind == .head
      || draft.part.kind == .bias || draft.part.kind == .outside
    let differsInRows =
      shape.matchesExceptRows(baseShape) && draft.role == .dense && holdsTokens
    guard differsInRows, ![.error, .match].contains(rules.vocabulary) else {
      throw .mismatch(
        model: model.name, file: model.file(of: tensor), tensor: draft.name,
        "the shape is \(shape), the base's is \(baseShape)",
        remedy: differsInRows
          ? "Only the rows differ: --vocabulary base keeps the base's, --vocabulary extend adds some."
          : "Is this a fine-tune of that base? Shapes must agree.")
    }
    let (rows, baseRows) = (shape.dimensions[0], baseShape.dimensions[0])
    if rules.vocabulary == .extend, shape.elementCount > draft.shape.elementCount {
      draft.shape = shape
    }
    let consequence =
      switch (rules.vocabulary, rows > baseRows) {
      case (.extend, true): "rows beyond the base's are the mean of the models that have them"
      case (_, true): "its further rows are left out"
      case (_, false): "the rows that it lacks count as unchanged"
      }
    warnings.append(
      Warning(
        .vocabulary, subject: Subject(model: model.name, tensor: draft.name),
        message: "\(rows) rows, the base has \(baseRows): \(consequence)"))
  }

  /// The head of a tied base, if a fine-tuned model has a head of its own.
  private mutating func addedHead() throws -> TensorDraft? {
    guard base.usesEmbeddingAsHead, let embeddingName = base.embeddingName,
      let embedding = base.catalog[embeddingName],
      let untied = models.first(where: \.hasOwnHead)
    else { return nil }
    untiesHead = true
    let headName = base.headName
    warnings.append(
      Warning(
        .untiedHead, subject: Subject(model: untied.name, tensor: untied.headName),
        message: "the model has a head of its own; so the merged model has one, made from the "
          + "embedding where a model's head is tied to it"))
    // A base that stores its head although it is tied has it among its tensors.
    guard base.storedHeadName == nil else { return nil }
    return try draft(of: embedding, named: headName)
  }

  private mutating func extraTensors() throws(PipelineError) -> [TensorDraft] {
    var drafts: [TensorDraft] = []
    var seen: Set<String> = []
    for model in models {
      for tensor in model.catalog.tensors
      where base.catalog[model.catalog.canonicalName(tensor.name)] == nil {
        // A stack whose layers the base has each by itself is no further tensor.
        if let stack = model.catalog.stack(tensor.name),
          (0..<stack.layerCount).allSatisfy({ base.catalog[stack.layerName($0)] != nil })
        {
          continue
        }
        if HeadNames.isHead(tensor.name), untiesHead || !model.hasOwnHead { continue }
        let part = model.catalog.part(of: tensor)
        if part.kind == .rotary { continue }
        if part.kind == .packed { throw packed(model, tensor, part) }
        guard rules.extraTensors != .error else {
          throw .mismatch(
            model: model.name, file: model.file(of: tensor), tensor: tensor.name,
            "the base does not have this tensor",
            remedy: "Is this a fine-tune of that base? "
              + "--extra-tensors ignore leaves such tensors out, copy takes them over; --rename "
              + "'OLD=NEW' renames what begins with OLD.")
        }
        let isCopied = rules.extraTensors == .copy && seen.insert(tensor.name).inserted
        if isCopied, tensor.entry.dtype.byteCount == nil { throw unmergeable(model, tensor) }
        if isCopied { drafts.append(copy(of: tensor, named: tensor.name, part, in: model)) }
        warnings.append(
          Warning(
            .extraTensor, subject: Subject(model: model.name, tensor: tensor.name),
            message: "the base does not have this tensor; it is \(isCopied ? "copied" : "left out")"
          ))
      }
    }
    return drafts
  }

  private func copy(
    of tensor: CheckpointTensor, named name: String, _ part: TensorPart, in model: SourceModel
  ) -> TensorDraft {
    let entry = tensor.entry
    return TensorDraft(
      name: name, role: entry.packed == nil ? .copied : .converted, part: part,
      shape: entry.shape,
      outputDType: entry.packed == nil ? entry.dtype : rules.outputDType ?? .bf16,
      base: model.source(tensor), baseElementCount: entry.shape.elementCount,
      fineTuned: Array(repeating: nil, count: models.count),
      fineTunedElementCounts: Array(repeating: 0, count: models.count))
  }

  private mutating func checkBuffers(_ tensor: CheckpointTensor, _ part: TensorPart) throws {
    guard part.kind != .rotary else { return }
    for model in models {
      guard let own = model.tensor(tensor.name) else { continue }
      if own.entry.dtype.isFloatingPoint { throw unmergeable(base, tensor) }
      if let warning = try BufferCheck.check(own, of: model, base: base, tensor) {
        warnings.append(warning)
      }
    }
  }

  /// Rows of embeddings and heads are those of one vocabulary.
  private func checkRows(_ drafts: [TensorDraft]) throws(PipelineError) {
    guard rules.vocabulary == .extend, let embeddingName = base.embeddingName,
      let embedding = drafts.first(where: { $0.name == embeddingName }),
      let head = drafts.first(where: { $0.name == base.headName && $0.shape.rank == 2 })
    else { return }
    let (rows, headRows) = (embedding.shape.dimensions[0], head.shape.dimensions[0])
    guard rows != headRows,
      embedding.baseElementCount != embedding.shape.elementCount
        || head.baseElementCount != head.shape.elementCount
    else { return }
    throw .mismatch(
      model: "base", file: base.checkpoint.path, tensor: head.name,
      "the head would have \(headRows) rows and the embedding (\(embeddingName.printable)) \(rows): "
        + "a model added rows to only one of them",
      remedy: "--vocabulary base keeps the base's rows.")
  }

  /// Nothing that an adapter adds is lost: it belongs to a tensor that is written.
  private func checkAdapters(_ drafts: [TensorDraft]) throws(PipelineError) {
    let names = Set(drafts.map(\.name) + drafts.compactMap { $0.stack?.tensor })
    for model in models {
      for name in model.terms.keys.sorted() where !names.contains(name) && !HeadNames.isHead(name) {
        throw .mismatch(
          model: model.name, file: model.checkpoint.path, tensor: name,
          "an adapter changes this tensor, which the merged model does not have",
          remedy: "Is this the base that the adapter was trained on?")
      }
    }
  }

  private func unmergeable(_ model: SourceModel, _ tensor: CheckpointTensor) -> PipelineError {
    .mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "weights of type \(tensor.entry.dtype) cannot be merged, only F32, F16, BF16 and F64",
      remedy: "Use the model's unquantised checkpoint.")
  }

  private func packed(
    _ model: SourceModel, _ tensor: CheckpointTensor, _ part: TensorPart
  ) -> PipelineError {
    .mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "the model is quantised (\(part.reason)) in a way that is not read",
      remedy: "Use the model's unquantised checkpoint.")
  }

  private mutating func warnAboutF64(_ model: SourceModel, _ tensor: CheckpointTensor) {
    warnings.append(
      Warning(
        .roundedF64, subject: Subject(model: model.name, tensor: tensor.name),
        message: "F64 weights are rounded to F32 before they are merged"))
  }

  /// What models lack: each tensor where they are few, one line where they are many.
  private mutating func warnAboutAbsentTensors() {
    for (model, names) in zip(models, absent) {
      guard names.count > 8, let first = names.first else {
        for name in names {
          warnings.append(
            Warning(
              .missingTensor, subject: Subject(model: model.name, tensor: name),
              message: "the model does not have this tensor; it counts as unchanged"))
        }
        continue
      }
      warnings.append(
        Warning(
          .missingTensor, subject: Subject(model: model.name, tensor: first),
          message: "the model does not have this tensor, and \(names.count - 1) others; they count "
            + "as unchanged"))
    }
  }

  private mutating func warnAboutMixedDTypes() {
    for model in models {
      let different = model.catalog.tensors.filter { [base] tensor in
        guard let mine = base.catalog[tensor.name]?.entry.dtype else { return false }
        return tensor.entry.dtype != mine
      }
      guard let example = different.first, let mine = base.catalog[example.name] else {
        continue
      }
      warnings.append(
        Warning(
          .mixedDTypes, subject: Subject(model: model.name, tensor: example.name),
          message: "\(example.entry.dtype), the base has \(mine.entry.dtype) "
            + "(so in \(different.count) tensors); deltas are taken in F32"))
    }
  }
}
