internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// Heads that are stored although the config ties them to the embedding: whether they are it.
enum HeadCheck {
  /// A warning if a model stores a head that is not what is used.
  ///
  /// transformers 4 and vLLM use the embedding of such a model, transformers 5 the stored head; the
  /// config is what the model says of itself, and so it counts.
  static func warning(_ model: SourceModel) throws -> Warning? {
    guard model.tiesHead == true, let headName = model.storedHeadName,
      let embeddingName = model.embeddingName, let head = model.catalog[headName],
      let embedding = model.catalog[embeddingName], model.store == nil,
      try !isEqual(head, embedding, in: model)
    else { return nil }
    return Warning(
      .untiedHead, subject: Subject(model: model.name, tensor: headName),
      message: "model \(model.name) stores a head that is not its embedding, although its "
        + "config.json ties them; the embedding counts, as in transformers 4 and vLLM "
        + "(tie_word_embeddings: false in the model's config.json makes the head count)")
  }

  /// Whether two tensors hold the same bytes.
  private static func isEqual(
    _ a: CheckpointTensor, _ b: CheckpointTensor, in model: SourceModel
  ) throws -> Bool {
    guard a.entry.dtype == b.entry.dtype, a.entry.shape == b.entry.shape,
      a.entry.packed == nil, b.entry.packed == nil
    else { return false }
    guard a.entry.view == b.entry.view else { return false }
    let files = model.checkpoint.files
    return try files[a.fileOrdinal].input.hasSameBytes(
      in: a.entry.byteRange, as: files[b.fileOrdinal].input, in: b.entry.byteRange)
  }
}
