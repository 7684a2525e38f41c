internal import SluiceCore
internal import SluiceKernels

/// The base's patterns as frames are packed against them.
enum BasePatterns {
  /// The patterns of a tile: where they lie if they are all there and of the type asked for, or else
  /// in a buffer, widened, and zero where the base has no element.
  static func tile(
    _ run: ChunkRun?, _ tile: Range<Int>, _ dtype: DType, in scratch: AlignedBuffer<UInt32>,
    kernels: Kernels
  ) -> UnsafeRawPointer {
    let available = max(0, min(run?.elementCount ?? 0, tile.upperBound) - tile.lowerBound)
    if let run, run.dtype == dtype, available == tile.count {
      return unsafe run.element(tile.lowerBound)
    }
    precondition(tile.count <= scratch.count)
    scratch.fill(0)
    if let run, available > 0 {
      if run.dtype == dtype {
        // SAFETY: the scratch has four bytes for each element of the tile, the run has them all.
        unsafe UnsafeMutableRawPointer(scratch.pointer).copyMemory(
          from: run.element(tile.lowerBound), byteCount: available * (dtype.byteCount ?? 4))
      } else {
        unsafe scratch.pointer.withMemoryRebound(to: Float.self, capacity: scratch.count) {
          _ = unsafe kernels.widen(
            run.element(tile.lowerBound), run.dtype, into: $0, count: available)
        }
      }
    }
    return unsafe UnsafeRawPointer(scratch.pointer)
  }
}
