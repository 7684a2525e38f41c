internal import SluiceCore
package import SluiceKernels

/// Takes the difference of each fine-tuned model from the base, tile by tile.
///
/// Formula: delta = tuned - base in Float32, one rounding. Source: DPPA, later version, eq. 1; the
/// earlier version has the opposite sign and adds it, which would undo the fine-tuning.
package struct DeltaStage {
  let kernels: Kernels
  let buffers: TileBuffers
  private let modelNames: [String]
  static let firstNonFinite = Float.infinity.bitPattern

  /// Makes the stage of one lane.
  package init(modelNames: [String], buffers: TileBuffers, kernels: Kernels) {
    self.modelNames = modelNames
    self.buffers = buffers
    self.kernels = kernels
  }

  /// Widens the base's weights of a tile.
  package func widenBase(_ chunk: Chunk, _ tile: Range<Int>) throws(StageError) {
    let count = tile.count
    let available = DeltaStage.available(chunk.base, tile)
    if let run = chunk.base, available > 0 {
      // SAFETY: the run holds `elementCount` elements, and the buffer a whole tile.
      let largest = unsafe kernels.widen(
        run.element(tile.lowerBound), run.dtype, into: buffers.base.pointer, count: available)
      if largest >= DeltaStage.firstNonFinite {
        throw unsafe nonFinite(
          buffers.base.pointer, available, model: "base", chunk, tile.lowerBound)
      }
    }
    unsafe (buffers.base.pointer + available).update(repeating: 0, count: count - available)
  }

  /// Takes a model's deltas of a tile, zero where the model has no element.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - tile: The elements, as positions in the chunk; the base's are widened already.
  /// - Throws: `StageError` if a delta is not finite.
  package func takeDelta(_ model: Int, _ chunk: Chunk, _ tile: Range<Int>) throws(StageError) {
    let deltas = unsafe buffers.delta(of: model)
    let run = chunk.fineTuned[model]
    let available = DeltaStage.available(run, tile)
    if let run, available > 0 {
      // SAFETY: as above. Deltas that were computed are only copied.
      let largest =
        run.isDelta
        ? unsafe kernels.widen(
          run.element(tile.lowerBound), run.dtype, into: deltas, count: available)
        : unsafe kernels.delta(
          run.element(tile.lowerBound), run.dtype, base: buffers.base.pointer, into: deltas,
          count: available)
      if largest >= DeltaStage.firstNonFinite {
        throw unsafe nonFinite(
          deltas, available, model: modelNames[model], chunk, tile.lowerBound)
      }
    }
    unsafe (deltas + available).update(repeating: 0, count: tile.count - available)
  }

  /// Counts a model's deltas of a run of elements without keeping them.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - elements: The elements, as positions in the chunk, at most `HistogramBuilder.runElements`.
  ///   - builder: What counts.
  /// - Returns: False if the deltas have to be taken tile by tile.
  /// - Throws: `StageError` if a weight or delta is not finite.
  func count(
    _ model: Int, _ chunk: Chunk, _ elements: Range<Int>, in builder: HistogramBuilder
  ) throws(StageError) -> Bool {
    guard let runs = DeltaStage.alike(chunk, model, elements),
      let largest = unsafe builder.addDifferences(
        // SAFETY: both runs hold the elements.
        of: runs.tuned.element(elements.lowerBound), runs.base.element(elements.lowerBound),
        runs.base.dtype, count: elements.count)
    else { return false }
    if largest < DeltaStage.firstNonFinite { return true }
    for tile in ChunkTiles(elements, tileElements: buffers.tileElements) {
      try takeDifference(model, chunk, tile)
    }
    // A mapped file was written to between the two looks.
    throw .inconsistentStatistics(chunk.strip.task, model: model)
  }

  /// Takes a model's deltas of a tile without widening the base's weights first, where that can be
  /// done: for passes that look at deltas only.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - tile: The elements, as positions in the chunk, which the base has.
  /// - Throws: `StageError` if a weight or delta is not finite.
  package func takeDifference(
    _ model: Int, _ chunk: Chunk, _ tile: Range<Int>
  ) throws(StageError) {
    if let runs = DeltaStage.alike(chunk, model, tile) {
      // SAFETY: both runs hold the tile's elements, and the buffer a whole tile.
      let largest = unsafe kernels.difference(
        runs.tuned.element(tile.lowerBound), runs.base.element(tile.lowerBound),
        runs.base.dtype, into: buffers.delta(of: model), count: tile.count)
      if largest < DeltaStage.firstNonFinite { return }
    }
    // Also to say whose weight is not finite: the base's is found first.
    try widenBase(chunk, tile)
    try takeDelta(model, chunk, tile)
  }

  /// The runs of a model and of the base, if both have the elements, in the same type.
  private static func alike(
    _ chunk: Chunk, _ model: Int, _ elements: Range<Int>
  ) -> (tuned: ChunkRun, base: ChunkRun)? {
    guard let tuned = chunk.fineTuned[model], let base = chunk.base, tuned.dtype == base.dtype,
      !tuned.isDelta,
      min(tuned.elementCount, base.elementCount) >= elements.upperBound
    else { return nil }
    return (tuned, base)
  }

  static func available(_ run: ChunkRun?, _ tile: Range<Int>) -> Int {
    guard let run else { return 0 }
    return max(0, min(run.elementCount, tile.upperBound) - tile.lowerBound)
  }

  /// The error about the first number that is not finite.
  func nonFinite(
    _ values: UnsafePointer<Float>, _ count: Int, model: Int?, _ chunk: Chunk, _ start: Int
  ) -> StageError {
    unsafe nonFinite(
      values, count, model: model.map { modelNames[$0] } ?? "base", chunk, start)
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
  func element(_ index: Int) -> UnsafeRawPointer {
    unsafe bytes + index * (dtype.byteCount ?? 0)
  }
}
