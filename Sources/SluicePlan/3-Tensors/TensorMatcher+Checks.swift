internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// What is refused, and what is said of models that are merged all the same.
extension TensorMatcher {
  mutating func checkBuffers(_ tensor: CheckpointTensor, _ part: TensorPart) throws {
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
  func checkRows(_ drafts: [TensorDraft]) throws(PipelineError) {
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
  func checkAdapters(_ drafts: [TensorDraft]) throws(PipelineError) {
    guard models.contains(where: { !$0.terms.isEmpty }) else { return }
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

  func unmergeable(_ model: SourceModel, _ tensor: CheckpointTensor) -> PipelineError {
    .mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "weights of type \(tensor.entry.dtype) cannot be merged, only F32, F16, BF16 and F64",
      remedy: "Use the model's unquantised checkpoint.")
  }

  func packed(
    _ model: SourceModel, _ tensor: CheckpointTensor, _ part: TensorPart
  ) -> PipelineError {
    .mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "the model is quantised (\(part.reason)) in a way that is not read",
      remedy: "Use the model's unquantised checkpoint.")
  }

  mutating func warnAboutF64(_ model: SourceModel, _ tensor: CheckpointTensor) {
    warnings.append(
      Warning(
        .roundedF64, subject: Subject(model: model.name, tensor: tensor.name),
        message: "F64 weights are rounded to F32 before they are merged"))
  }

  /// What models lack: each tensor where they are few, one line where they are many.
  mutating func warnAboutAbsentTensors() {
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

  mutating func warnAboutMixedDTypes() {
    let own = base.catalog.tensors
    for (model, isNamedAsBase) in zip(models, isNamedAsBase) {
      let tensors = model.catalog.tensors
      if isNamedAsBase,
        tensors.hasStorage(of: own)
          || tensors.indices.allSatisfy({ tensors[$0].entry.dtype == own[$0].entry.dtype })
      {
        continue
      }
      let different = tensors.filter { [base] tensor in
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
