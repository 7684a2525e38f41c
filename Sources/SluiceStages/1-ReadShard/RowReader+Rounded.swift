package import SluiceCore
internal import SluiceFormats
internal import SluiceKernels

/// In a working type, as methods that round after every operation read.
extension RowReader {
  /// Reads the deltas of a model in a working type: both weights are rounded to it, and so is their difference.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the model.
  ///   - elements: The elements, all of them the base's.
  ///   - dtype: The working type.
  /// - Returns: The number of bytes read.
  /// - Throws: `StageError` if a weight is not finite, `FormatError` if it cannot be read.
  package func readRoundedDeltas(
    of task: TensorTask, model: Int, _ elements: Range<Int>, roundedTo dtype: DType
  ) throws -> Int {
    var byteCount = try readRoundedBase(of: task, elements, roundedTo: dtype)
    guard task.fineTuned[model] != nil else {
      unsafe deltas.pointer.update(repeating: 0, count: elements.count)
      return byteCount
    }
    byteCount += try readRoundedWeights(of: task, model: model, elements, roundedTo: dtype)
    // SAFETY: as above.
    let largest = unsafe kernels.take(
      .subtract, deltas.pointer, base.pointer, into: deltas.pointer, count: elements.count,
      roundedTo: dtype)
    try check(largest, deltas, modelNames[model], task, elements)
    return byteCount
  }

  /// Reads the base's weights in a working type.
  package func readRoundedBase(
    of task: TensorTask, _ elements: Range<Int>, roundedTo dtype: DType
  ) throws -> Int {
    let byteCount = try readBase(of: task, elements)
    try round(base, to: dtype, "base", task, elements)
    return byteCount
  }

  /// Reads a model's weights in a working type, in the place of deltas; the base's, which are read already,
  /// where the model does not have the tensor.
  package func readRoundedWeights(
    of task: TensorTask, model: Int, _ elements: Range<Int>, roundedTo dtype: DType
  ) throws -> Int {
    guard let source = task.fineTuned[model] else {
      unsafe deltas.pointer.update(from: base.pointer, count: elements.count)
      return 0
    }
    let byteCount = try readTuned(of: task, model: model, elements)
    if source.computed != nil {
      try round(
        deltas, to: WorkingType.promoted([task.base.dtype]), modelNames[model], task, elements)
      // The exact weights were read again for the sum.
      try round(base, to: dtype, "base", task, elements)
    }
    try round(deltas, to: dtype, modelNames[model], task, elements)
    return byteCount
  }

  private func round(
    _ values: AlignedBuffer<Float>, to dtype: DType, _ model: String, _ task: TensorTask,
    _ elements: Range<Int>
  ) throws {
    // SAFETY: as above.
    let largest = unsafe kernels.take(
      .round, values.pointer, nil, into: values.pointer, count: elements.count, roundedTo: dtype)
    try check(largest, values, model, task, elements)
  }
}
