internal import SluiceCore
internal import SluiceKernels

/// Weights in a working type: what methods start from that round at each step.
extension DeltaStage {
  /// Rounds the base's weights of a tile, which are widened already.
  ///
  /// - Parameters:
  ///   - chunk: The chunk.
  ///   - tile: The elements, as positions in the chunk.
  ///   - dtype: The working type.
  /// - Throws: `StageError` if a weight is not finite in that type.
  func roundBase(_ chunk: Chunk, _ tile: Range<Int>, to dtype: DType) throws(StageError) {
    guard chunk.strip.task.base.dtype != dtype else { return }
    let values = unsafe buffers.base.pointer
    let largest = unsafe kernels.take(
      .round, values, nil, into: values, count: tile.count, roundedTo: dtype)
    guard largest < DeltaStage.firstNonFinite else {
      throw unsafe nonFinite(values, tile.count, model: nil, chunk, tile.lowerBound)
    }
  }

  /// Takes a model's weights of a tile: the base's where the model has no element.
  ///
  /// Where an adapter changes a model, the sum of weight and change is rounded to the base's own type first, as
  /// in a model that was stored with the adapter merged.
  ///
  /// - Parameters:
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - tile: The elements, as positions in the chunk; the base's are rounded already.
  ///   - dtype: The working type.
  /// - Throws: `StageError` if a weight is not finite.
  func takeWeights(
    _ model: Int, _ chunk: Chunk, _ tile: Range<Int>, roundedTo dtype: DType
  ) throws(StageError) {
    let values = unsafe buffers.delta(of: model)
    let run = chunk.fineTuned[model]
    let available = DeltaStage.available(run, tile)
    if let run, available > 0 {
      // SAFETY: the run holds `elementCount` elements, and the buffer a whole tile.
      let largest = unsafe kernels.widen(
        run.element(tile.lowerBound), run.dtype, into: values, count: available)
      if largest >= DeltaStage.firstNonFinite {
        throw unsafe nonFinite(values, available, model: model, chunk, tile.lowerBound)
      }
      if run.isDelta { unsafe addExactBase(to: values, chunk, tile, available) }
      if run.isDelta || run.dtype != dtype {
        let largest = unsafe kernels.take(
          .round, values, nil, into: values, count: available, roundedTo: dtype)
        guard largest < DeltaStage.firstNonFinite else {
          throw unsafe nonFinite(values, available, model: model, chunk, tile.lowerBound)
        }
      }
    }
    // SAFETY: both buffers hold a whole tile.
    unsafe (values + available).update(
      from: buffers.base.pointer + available, count: tile.count - available)
  }

  /// Adds the base's weights as they lie in the file to changes that were computed.
  private func addExactBase(
    to values: UnsafeMutablePointer<Float>, _ chunk: Chunk, _ tile: Range<Int>, _ count: Int
  ) {
    let exact = unsafe buffers.merged.pointer
    let available = min(DeltaStage.available(chunk.base, tile), count)
    unsafe exact.update(repeating: 0, count: count)
    if let base = chunk.base, available > 0 {
      // SAFETY: the run holds the elements, and nothing is merged of the tile yet.
      _ = unsafe kernels.widen(
        base.element(tile.lowerBound), base.dtype, into: exact, count: available)
    }
    let stored = WorkingType.promoted([chunk.strip.task.base.dtype])
    unsafe kernels.take(.add, exact, values, into: values, count: count, roundedTo: stored)
  }

  /// Makes the difference of a model's weights from the base's, both rounded already.
  func subtractBase(
    _ model: Int, _ chunk: Chunk, _ tile: Range<Int>, roundedTo dtype: DType
  ) throws(StageError) {
    let values = unsafe buffers.delta(of: model)
    let largest = unsafe kernels.take(
      .subtract, values, buffers.base.pointer, into: values, count: tile.count, roundedTo: dtype)
    guard largest < DeltaStage.firstNonFinite else {
      throw unsafe nonFinite(values, tile.count, model: model, chunk, tile.lowerBound)
    }
  }
}
