internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// What one model has to give for a tensor.
extension TensorMatcher {
  mutating func match(
    _ ordinal: Int, _ draft: TensorDraft, baseShape: TensorShape
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
      guard !model.isAdapterAlone, !model.isInGap(draft.name) else { return }
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
    if shape != baseShape { try matchRows(model, tensor, draft, baseShape: baseShape) }
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
  func layer(
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

  mutating func matchRows(
    _ model: SourceModel, _ tensor: CheckpointTensor, _ draft: TensorDraft,
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
}
