internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// Tensors of the merged model that the base does not have.
extension TensorMatcher {
  /// The head of a tied base, if a fine-tuned model has a head of its own.
  mutating func addedHead() throws -> TensorDraft? {
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

  mutating func extraTensors() throws(PipelineError) -> [TensorDraft] {
    var drafts: [TensorDraft] = []
    var seen: Set<String> = []
    for (model, isNamedAsBase) in zip(models, isNamedAsBase) where !isNamedAsBase {
      for tensor in model.catalog.tensors
      where !base.catalog.has(model.catalog.canonicalName(tensor.name)) {
        // A stack whose layers the base has each by itself is no further tensor.
        if let stack = model.catalog.stack(tensor.name),
          (0..<stack.layerCount).allSatisfy({ base.catalog.has(stack.layerName($0)) })
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
}
