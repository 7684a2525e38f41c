internal import SluiceAdapters
internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceStages

/// A tensor of the merged model before it has a place in the output.
struct TensorDraft {
  var name: String
  var role: TensorRole
  var shape: TensorShape
  var outputDType: DType
  var base: TensorSource
  var baseElementCount: Int
  var fineTuned: [TensorSource?]
  var fineTunedElementCounts: [Int]
}

/// Finds for every tensor of the merged model what each model has to give, and checks that it fits:
/// names, shapes, dtypes (C1, C2, C13, C14 of the specification).
struct TensorMatcher {
  let recipe: MergeRecipe
  let base: SourceModel
  let models: [SourceModel]
  private(set) var warnings: [Warning] = []
  private(set) var untiesHead = false
  /// What adapters add to tensors; a position is the number of the deltas.
  private(set) var computed: [AdapterTensor] = []

  init(recipe: MergeRecipe, base: SourceModel, models: [SourceModel]) {
    self.recipe = recipe
    self.base = base
    self.models = models
  }

  /// All tensors of the merged model.
  mutating func drafts() throws(PipelineError) -> [TensorDraft] {
    var drafts: [TensorDraft] = []
    for tensor in base.checkpoint.tensors {
      drafts.append(try draft(of: tensor, named: tensor.name))
    }
    if let head = try addedHead() { drafts.append(head) }
    drafts += try extraTensors()
    warnAboutMixedDTypes()
    return drafts
  }

  private mutating func draft(
    of tensor: CheckpointTensor, named name: String
  ) throws(PipelineError) -> TensorDraft {
    let (shape, dtype) = (tensor.entry.shape, tensor.entry.dtype)
    let isLinear = recipe.linearSet.contains(name, shape: shape)
    if !dtype.isMergeable || LinearSet.isRotaryBuffer(name) {
      let isAdapted = models.contains { !$0.terms(for: name, base: base).isEmpty }
      if isLinear || isAdapted || (dtype.isFloatingPoint && !dtype.isMergeable) {
        throw unmergeable(base, tensor)
      }
      return copy(of: tensor, named: name, in: base)
    }
    if dtype == .f64 { warnAboutF64(base, tensor) }
    let keepsBase = !isLinear && recipe.method.nonLinear == .base
    if keepsBase, recipe.outputDType == nil || recipe.outputDType == dtype {
      return copy(of: tensor, named: name, in: base)
    }
    var result = TensorDraft(
      name: name, role: keepsBase ? .converted : isLinear ? .linear : .dense, shape: shape,
      outputDType: recipe.outputDType ?? dtype, base: source(tensor, in: base),
      baseElementCount: shape.elementCount,
      fineTuned: Array(repeating: nil, count: models.count),
      fineTunedElementCounts: Array(repeating: 0, count: models.count))
    if !keepsBase {
      for model in models.indices { try match(model, &result, baseShape: shape) }
    }
    return result
  }

  private mutating func match(
    _ ordinal: Int, _ draft: inout TensorDraft, baseShape: TensorShape
  ) throws(PipelineError) {
    let model = models[ordinal]
    let terms = model.terms(for: draft.name, base: base)
    guard let tensor = model.tensor(draft.name) else {
      if !terms.isEmpty {
        draft.fineTuned[ordinal] = TensorSource(computed: computed.count)
        draft.fineTunedElementCounts[ordinal] = baseShape.elementCount
        computed.append(AdapterTensor(name: draft.name, terms: terms, ground: draft.base))
      }
      guard !model.isAdapterAlone else { return }
      warnings.append(
        Warning(
          .missingTensor, subject: Subject(model: model.name, tensor: draft.name),
          message: "the model does not have this tensor; it counts as unchanged"))
      return
    }
    guard tensor.entry.dtype.isMergeable else { throw unmergeable(model, tensor) }
    if tensor.entry.dtype == .f64 { warnAboutF64(model, tensor) }
    let shape = tensor.entry.shape
    if shape != baseShape { try matchRows(model, tensor, &draft, baseShape: baseShape) }
    let stored = source(tensor, in: model)
    draft.fineTuned[ordinal] = stored
    draft.fineTunedElementCounts[ordinal] = min(shape.elementCount, draft.shape.elementCount)
    guard !terms.isEmpty else { return }
    draft.fineTuned[ordinal] = TensorSource(
      file: stored.file, dtype: stored.dtype, byteRange: stored.byteRange, view: stored.view,
      computed: computed.count)
    computed.append(AdapterTensor(name: draft.name, terms: terms, ground: stored))
  }

  private mutating func matchRows(
    _ model: SourceModel, _ tensor: CheckpointTensor, _ draft: inout TensorDraft,
    baseShape: TensorShape
  ) throws(PipelineError) {
    let shape = tensor.entry.shape
    let differsInRows = shape.matchesExceptRows(baseShape) && draft.role == .dense
    guard differsInRows, recipe.vocabulary != .error else {
      throw .mismatch(
        model: model.name, file: model.file(of: tensor), tensor: draft.name,
        "the shape is \(shape), the base's is \(baseShape)",
        remedy: differsInRows
          ? "Only the rows differ: --vocabulary base keeps the base's, --vocabulary extend adds some."
          : "Is this a fine-tune of that base? Shapes must agree.")
    }
    let (rows, baseRows) = (shape.dimensions[0], baseShape.dimensions[0])
    if recipe.vocabulary == .extend, shape.elementCount > draft.shape.elementCount {
      draft.shape = shape
    }
    let consequence =
      switch (recipe.vocabulary, rows > baseRows) {
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
  private mutating func addedHead() throws(PipelineError) -> TensorDraft? {
    let isTied = base.usesEmbeddingAsHead || base.tiesHead == true
    guard isTied, let embeddingName = base.embeddingName,
      let embedding = base.checkpoint[embeddingName],
      let untied = models.first(where: \.hasOwnHead)
    else { return nil }
    untiesHead = true
    warnings.append(
      Warning(
        .untiedHead, subject: Subject(model: untied.name, tensor: SourceModel.headName),
        message: "the model has a head of its own; so the merged model has one, made from the "
          + "embedding where a model's head is tied to it"))
    // A base that stores its head although it is tied has it among its tensors.
    guard base.checkpoint[SourceModel.headName] == nil else { return nil }
    return try draft(of: embedding, named: SourceModel.headName)
  }

  private mutating func extraTensors() throws(PipelineError) -> [TensorDraft] {
    var drafts: [TensorDraft] = []
    var seen: Set<String> = []
    for model in models {
      for tensor in model.checkpoint.tensors where base.checkpoint[tensor.name] == nil {
        if tensor.name == SourceModel.headName, untiesHead || !model.hasOwnHead { continue }
        if LinearSet.isRotaryBuffer(tensor.name) { continue }
        guard recipe.extraTensors != .error else {
          throw .mismatch(
            model: model.name, file: model.file(of: tensor), tensor: tensor.name,
            "the base does not have this tensor",
            remedy: "Is this a fine-tune of that base? "
              + "--extra-tensors ignore leaves such tensors out, copy takes them over.")
        }
        let isCopied = recipe.extraTensors == .copy && seen.insert(tensor.name).inserted
        if isCopied, tensor.entry.dtype.byteCount == nil { throw unmergeable(model, tensor) }
        if isCopied { drafts.append(copy(of: tensor, named: tensor.name, in: model)) }
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
    of tensor: CheckpointTensor, named name: String, in model: SourceModel
  ) -> TensorDraft {
    let entry = tensor.entry
    return TensorDraft(
      name: name, role: .copied, shape: entry.shape, outputDType: entry.dtype,
      base: source(tensor, in: model), baseElementCount: entry.shape.elementCount,
      fineTuned: Array(repeating: nil, count: models.count),
      fineTunedElementCounts: Array(repeating: 0, count: models.count))
  }

  private func source(_ tensor: CheckpointTensor, in model: SourceModel) -> TensorSource {
    TensorSource(
      file: model.firstFile + tensor.fileOrdinal, dtype: tensor.entry.dtype,
      byteRange: tensor.entry.byteRange, view: tensor.entry.view)
  }

  private func unmergeable(_ model: SourceModel, _ tensor: CheckpointTensor) -> PipelineError {
    .mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "weights of type \(tensor.entry.dtype) cannot be merged, only F32, F16, BF16 and F64",
      remedy: "Use the model's unquantised checkpoint.")
  }

  private mutating func warnAboutF64(_ model: SourceModel, _ tensor: CheckpointTensor) {
    warnings.append(
      Warning(
        .roundedF64, subject: Subject(model: model.name, tensor: tensor.name),
        message: "F64 weights are rounded to F32 before they are merged"))
  }

  private mutating func warnAboutMixedDTypes() {
    for model in models {
      let different = model.checkpoint.tensors.filter { [base] tensor in
        guard let mine = base.checkpoint[tensor.name]?.entry.dtype else { return false }
        return tensor.entry.dtype != mine
      }
      guard let example = different.first, let mine = base.checkpoint[example.name] else {
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
