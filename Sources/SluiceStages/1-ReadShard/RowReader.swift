internal import SluiceCore
package import SluiceFormats
package import SluiceKernels

/// Reads runs of a tensor into buffers of its own, for passes that look at whole rows or matrices.
package final class RowReader {
  /// The base's weights of the last run.
  package let base: AlignedBuffer<Float>
  /// The deltas, or the fine-tuned weights, of the last run.
  package let deltas: AlignedBuffer<Float>
  private let raw: AlignedBuffer<UInt64>
  private let files: [InputFile]
  let modelNames: [String]
  let kernels: Kernels
  private let computed: ComputedRuns?

  /// Makes the buffers.
  package init(
    elementCount: Int, files: [InputFile], modelNames: [String], kernels: Kernels,
    source: (any DeltaSource)? = nil
  ) {
    self.files = files
    self.modelNames = modelNames
    self.kernels = kernels
    computed = source.map { ComputedRuns($0, kernels: kernels) }
    base = AlignedBuffer(count: elementCount, fill: 0)
    deltas = AlignedBuffer(count: elementCount, fill: 0)
    raw = AlignedBuffer(count: elementCount, fill: 0)
  }

  /// Reads the deltas of a model, zeros where it does not have the tensor.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the model.
  ///   - elements: The elements, all of them the base's.
  /// - Returns: The number of bytes read.
  /// - Throws: `StageError` if a weight is not finite, `FormatError` if it cannot be read.
  package func readDeltas(
    of task: TensorTask, model: Int, _ elements: Range<Int>
  ) throws -> Int {
    let baseBytes = try readBase(of: task, elements)
    guard let source = task.fineTuned[model] else {
      unsafe deltas.pointer.update(repeating: 0, count: elements.count)
      return baseBytes
    }
    if let ordinal = source.computed {
      return try baseBytes + compute(ordinal, source, of: task, model: model, elements)
    }
    let byteCount = try read(source, elements)
    // SAFETY: the buffers hold as many elements as were just read.
    let largest = unsafe kernels.delta(
      UnsafeRawPointer(raw.pointer), source.dtype, base: base.pointer, into: deltas.pointer,
      count: elements.count)
    try check(largest, deltas, modelNames[model], task, elements)
    return baseBytes + byteCount
  }

  /// The bytes of the buffers.
  ///
  /// - Parameter elementCount: The most elements of a run.
  /// - Returns: The number of bytes.
  package static func byteCount(elementCount: Int) -> Int {
    // Weights as they lie in the file (8 bytes at most), those of base and model as Float32.
    elementCount * (8 + 4 + 4)
  }

  /// Reads the deltas of a model, zeros for elements that it does not have.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the model.
  ///   - elements: The elements, all of them the base's.
  /// - Returns: The number of bytes read.
  /// - Throws: As `readDeltas`.
  package func readPresentDeltas(
    of task: TensorTask, model: Int, _ elements: Range<Int>
  ) throws -> Int {
    let end = min(task.fineTunedElementCounts[model], elements.upperBound)
    guard task.fineTuned[model] != nil, end < elements.upperBound else {
      return try readDeltas(of: task, model: model, elements)
    }
    let present = max(0, end - elements.lowerBound)
    let byteCount =
      present > 0
      ? try readDeltas(of: task, model: model, elements.lowerBound..<end) : 0
    // SAFETY: the buffer holds all elements.
    unsafe (deltas.pointer + present).update(repeating: 0, count: elements.count - present)
    return byteCount
  }

  /// Reads a model's own weights, in the place of deltas.
  ///
  /// - Parameters:
  ///   - task: The tensor, which the model has.
  ///   - model: The position of the model.
  ///   - elements: The elements.
  /// - Returns: The number of bytes read.
  /// - Throws: `StageError` if a weight is not finite, `FormatError` if it cannot be read.
  package func readTuned(
    of task: TensorTask, model: Int, _ elements: Range<Int>
  ) throws -> Int {
    guard let source = task.fineTuned[model] else { return 0 }
    if source.computed != nil {
      let byteCount = try readDeltas(of: task, model: model, elements)
      for index in 0..<elements.count {
        unsafe deltas.pointer[index] += base.pointer[index]
      }
      return byteCount
    }
    let byteCount = try read(source, elements)
    // SAFETY: as above.
    let largest = unsafe kernels.widen(
      UnsafeRawPointer(raw.pointer), source.dtype, into: deltas.pointer, count: elements.count)
    try check(largest, deltas, modelNames[model], task, elements)
    return byteCount
  }

  /// Computes deltas; the base's weights are read already.
  private func compute(
    _ ordinal: Int, _ source: TensorSource, of task: TensorTask, model: Int, _ elements: Range<Int>
  ) throws -> Int {
    var byteCount = 0
    var stored: ChunkRun?
    if source.isStored {
      byteCount = try read(source, elements)
      stored = unsafe ChunkRun(
        UnsafeRawBufferPointer(start: raw.pointer, count: byteCount), source.dtype,
        elementCount: elements.count)
    }
    // SAFETY: the buffers hold as many elements as are asked for.
    let base = unsafe ChunkRun(
      UnsafeRawBufferPointer(start: base.pointer, count: elements.count * 4), .f32,
      elementCount: elements.count)
    guard let computed else { preconditionFailure("deltas without what computes them") }
    byteCount += try unsafe computed.compute(
      ordinal, elements, stored: stored, base: base,
      into: UnsafeMutableBufferPointer(start: deltas.pointer, count: elements.count))
    let largest = unsafe kernels.widen(
      UnsafeRawPointer(deltas.pointer), .f32, into: deltas.pointer, count: elements.count)
    try check(largest, deltas, modelNames[model], task, elements)
    return byteCount
  }

  /// Reads the base's weights.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - elements: The elements.
  /// - Returns: The number of bytes read.
  /// - Throws: `StageError` if a weight is not finite, `FormatError` if it cannot be read.
  package func readBase(of task: TensorTask, _ elements: Range<Int>) throws -> Int {
    let byteCount = try read(task.base, elements)
    // SAFETY: as above.
    let largest = unsafe kernels.widen(
      UnsafeRawPointer(raw.pointer), task.base.dtype, into: base.pointer, count: elements.count)
    try check(largest, base, "base", task, elements)
    return byteCount
  }

  private func read(_ source: TensorSource, _ elements: Range<Int>) throws -> Int {
    precondition(elements.count <= raw.count)
    if source.isNumbers {
      // SAFETY: the buffer has 8 bytes for each element; Float32 takes 4.
      try unsafe NumberReader(files).read(
        elements, of: source,
        into: UnsafeMutableRawPointer(raw.pointer).assumingMemoryBound(to: Float.self))
      return source.byteCount(ofElements: elements.count)
    }
    let width = source.dtype.byteCount ?? 1
    // SAFETY: the buffer has 8 bytes for each element, the widest type.
    let target = unsafe UnsafeMutableRawBufferPointer(
      start: raw.pointer, count: elements.count * width)
    let start = source.byteRange.lowerBound
    if let view = source.view {
      try unsafe files[source.file].read(
        elements, of: view, at: start, width: width, into: target)
    } else {
      try unsafe files[source.file].read(into: target, at: start + elements.lowerBound * width)
    }
    return target.count
  }

  /// Refuses weights that are not finite.
  func check(
    _ largest: UInt32, _ values: AlignedBuffer<Float>, _ model: String, _ task: TensorTask,
    _ elements: Range<Int>
  ) throws(StageError) {
    guard largest >= Float.infinity.bitPattern else { return }
    let index = unsafe kernels.firstNonFinite(values.pointer, count: elements.count) ?? 0
    throw .nonFinite(
      unsafe values.pointer[index], model: model, tensor: task.name,
      element: elements.lowerBound + index)
  }
}
