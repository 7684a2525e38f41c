internal import SluiceCore
internal import SluiceKernels

/// Computes runs of deltas in one lane: what a source makes of its factors, and where the model has
/// weights of its own, their difference from the base.
package final class ComputedRuns {
  private let lane: any LaneDeltas
  private let kernels: Kernels
  private let base = AlignedBuffer<Float>(count: Granularity.tileElements, fill: 0)
  private let own = AlignedBuffer<Float>(count: Granularity.tileElements, fill: 0)

  init(_ source: any DeltaSource, kernels: Kernels) {
    lane = source.makeLane(kernels: kernels)
    self.kernels = kernels
  }

  /// The bytes that a lane holds beside those of the source.
  package static var byteCount: Int { 2 * Granularity.tileElements * 4 }

  /// Computes a run.
  ///
  /// - Parameters:
  ///   - ordinal: The number of the deltas among those of the source.
  ///   - elements: The elements, as positions in the tensor.
  ///   - stored: The model's own weights of them, if it has any.
  ///   - base: The base's; it may be shorter.
  ///   - target: Receives the deltas.
  /// - Returns: The number of bytes read.
  /// - Throws: What keeps them from being computed.
  func compute(
    _ ordinal: Int, _ elements: Range<Int>, stored: ChunkRun?, base: ChunkRun?,
    into target: UnsafeMutableBufferPointer<Float>
  ) throws -> Int {
    guard let deltas = target.baseAddress else { return 0 }
    let byteCount = try unsafe lane.compute(
      ordinal, elements, ground: stored ?? base, into: deltas)
    guard let stored else { return byteCount }
    for start in stride(from: 0, to: stored.elementCount, by: Granularity.tileElements) {
      let count = min(Granularity.tileElements, stored.elementCount - start)
      let available = max(0, min(count, (base?.elementCount ?? 0) - start))
      if let base, available > 0 {
        // SAFETY: the run holds the elements, and the buffer a tile.
        _ = unsafe kernels.widen(
          base.element(start), base.dtype, into: self.base.pointer, count: available)
      }
      unsafe (self.base.pointer + available).update(repeating: 0, count: count - available)
      _ = unsafe kernels.delta(
        stored.element(start), stored.dtype, base: self.base.pointer, into: own.pointer,
        count: count)
      for index in 0..<count { unsafe deltas[start + index] += own.pointer[index] }
    }
    return byteCount
  }
}
