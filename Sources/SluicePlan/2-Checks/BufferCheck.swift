internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// Integer tensors, which are copied from the base: whether that loses anything.
enum BufferCheck {
  /// What positions, masks and counters are called: no training makes them better.
  private static let known = [
    "position", "_ids", "index", "num_batches_tracked", "counter", "steps", "mask", "rotary",
    "inv_freq", "attn.bias", "attention.bias", "lookup", "offset", "buffer",
  ]

  /// Refuses an integer tensor of a model that holds other numbers than the base's, unless its name
  /// says what it is: it could be packed weights.
  static func check(
    _ tensor: CheckpointTensor, of model: SourceModel, base: SourceModel, _ own: CheckpointTensor
  ) throws -> Warning? {
    guard try !isEqual(tensor, model, own, base) else { return nil }
    if known.contains(where: { tensor.name.contains(bytesOf: $0) }) {
      return Warning(
        .oddInput, subject: Subject(model: model.name, tensor: tensor.name),
        message: "\(tensor.entry.dtype) numbers that differ from the base's; the base's are kept")
    }
    throw PipelineError.mismatch(
      model: model.name, file: model.file(of: tensor), tensor: tensor.name,
      "\(tensor.entry.dtype) numbers that differ from the base's and are no positions or counters: "
        + "they may be weights that are quantised in a way that is not known",
      remedy: "Give the model's unquantised checkpoint.")
  }

  private static func isEqual(
    _ a: CheckpointTensor, _ model: SourceModel, _ b: CheckpointTensor, _ base: SourceModel
  ) throws -> Bool {
    let (first, second) = (a.entry, b.entry)
    guard first.dtype == second.dtype, first.shape == second.shape else { return false }
    // Elements that lie otherwise are not compared: only PyTorch files have them.
    guard first.view == nil, second.view == nil else { return true }
    return try model.checkpoint.files[a.fileOrdinal].input.hasSameBytes(
      in: first.byteRange, as: base.checkpoint.files[b.fileOrdinal].input, in: second.byteRange)
  }
}
