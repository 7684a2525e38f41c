internal import SluiceCore
public import SluiceKernels

/// Takes the difference of each fine-tuned model from the base, block by block.
///
/// Formula: delta = tuned - base in Float32, one rounding. Source: DPPA, later version, eq. 1; the
/// earlier version has the opposite sign and adds it, which would undo the fine-tuning.
public struct DeltaStage {
  private let kernels: Kernels
  private let buffers: BlockBuffers
  private let modelNames: [String]
  private static let firstNonFinite = Float.infinity.bitPattern

  /// Makes the stage of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models, for messages.
  ///   - buffers: Where weights and deltas go.
  ///   - kernels: The kernels to compute with.
  public init(modelNames: [String], buffers: BlockBuffers, kernels: Kernels) {
    self.modelNames = modelNames
    self.buffers = buffers
    self.kernels = kernels
  }

  /// Widens the base's weights of a block.
  ///
  /// - Parameters:
  ///   - chunk: The chunk.
  ///   - block: The elements, as positions in the chunk.
  /// - Throws: `StageError` if a weight is not finite.
  public func widenBase(_ chunk: Chunk, _ block: Range<Int>) throws(StageError) {
    let count = block.count
    let available = DeltaStage.available(chunk.base, block)
    if let run = chunk.base, available > 0 {
      // SAFETY: the run holds `elementCount` elements, and the buffer a whole block.
      let largest = unsafe kernels.widen(
        run.element(block.lowerBound), run.dtype, into: buffers.base.pointer, count: available)
      if largest >= DeltaStage.firstNonFinite {
        throw unsafe nonFinite(
          buffers.base.pointer, available, model: "base", chunk, block.lowerBound)
      }
    }
    unsafe (buffers.base.pointer + available).update(repeating: 0, count: count - available)
  }

  /// Takes a model's deltas of a block, zero where the model has no element.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - block: The elements, as positions in the chunk; the base's are widened already.
  /// - Throws: `StageError` if a delta is not finite.
  public func takeDelta(_ model: Int, _ chunk: Chunk, _ block: Range<Int>) throws(StageError) {
    let deltas = unsafe buffers.delta(of: model)
    let run = chunk.fineTuned[model]
    let available = DeltaStage.available(run, block)
    if let run, available > 0 {
      // SAFETY: as above.
      let largest = unsafe kernels.delta(
        run.element(block.lowerBound), run.dtype, base: buffers.base.pointer, into: deltas,
        count: available)
      if largest >= DeltaStage.firstNonFinite {
        throw unsafe nonFinite(
          deltas, available, model: modelNames[model], chunk, block.lowerBound)
      }
    }
    unsafe (deltas + available).update(repeating: 0, count: block.count - available)
  }

  /// Counts a model's deltas of a run of elements without keeping them.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - elements: The elements, as positions in the chunk, at most `SpectrumBuilder.runElements`.
  ///   - builder: What counts.
  /// - Returns: False if the deltas have to be taken block by block.
  /// - Throws: `StageError` if a weight or delta is not finite.
  func count(
    _ model: Int, _ chunk: Chunk, _ elements: Range<Int>, in builder: SpectrumBuilder
  ) throws(StageError) -> Bool {
    guard let runs = DeltaStage.alike(chunk, model, elements),
      let largest = unsafe builder.addDifferences(
        // SAFETY: both runs hold the elements.
        of: runs.tuned.element(elements.lowerBound), runs.base.element(elements.lowerBound),
        runs.base.dtype, count: elements.count)
    else { return false }
    if largest < DeltaStage.firstNonFinite { return true }
    for block in ChunkBlocks(elements, blockElements: buffers.blockElements) {
      try takeDifference(model, chunk, block)
    }
    // A mapped file was written to between the two looks.
    throw .inconsistentStatistics(chunk.strip.task, model: model)
  }

  /// Takes a model's deltas of a block without widening the base's weights first, where that can be
  /// done: for passes that look at deltas only.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - block: The elements, as positions in the chunk, which the base has.
  /// - Throws: `StageError` if a weight or delta is not finite.
  public func takeDifference(
    _ model: Int, _ chunk: Chunk, _ block: Range<Int>
  ) throws(StageError) {
    if let runs = DeltaStage.alike(chunk, model, block) {
      // SAFETY: both runs hold the block's elements, and the buffer a whole block.
      let largest = unsafe kernels.difference(
        runs.tuned.element(block.lowerBound), runs.base.element(block.lowerBound),
        runs.base.dtype, into: buffers.delta(of: model), count: block.count)
      if largest < DeltaStage.firstNonFinite { return }
    }
    // Also to say whose weight is not finite: the base's is found first.
    try widenBase(chunk, block)
    try takeDelta(model, chunk, block)
  }

  /// The runs of a model and of the base, if both have the elements, in the same type.
  private static func alike(
    _ chunk: Chunk, _ model: Int, _ elements: Range<Int>
  ) -> (tuned: ChunkRun, base: ChunkRun)? {
    guard let tuned = chunk.fineTuned[model], let base = chunk.base, tuned.dtype == base.dtype,
      min(tuned.elementCount, base.elementCount) >= elements.upperBound
    else { return nil }
    return (tuned, base)
  }

  private static func available(_ run: ChunkRun?, _ block: Range<Int>) -> Int {
    guard let run else { return 0 }
    return max(0, min(run.elementCount, block.upperBound) - block.lowerBound)
  }

  private func nonFinite(
    _ values: UnsafePointer<Float>, _ count: Int, model: String, _ chunk: Chunk, _ start: Int
  ) -> StageError {
    let index = unsafe kernels.firstNonFinite(values, count: count) ?? 0
    return .nonFinite(
      unsafe values[index], model: model, tensor: chunk.strip.task.name,
      element: chunk.elements.lowerBound + start + index)
  }
}

extension ChunkRun {
  /// The address of an element.
  ///
  /// - Parameter index: The position in the chunk.
  /// - Returns: The address, at any alignment.
  func element(_ index: Int) -> UnsafeRawPointer {
    unsafe bytes + index * (dtype.byteCount ?? 0)
  }
}
