internal import SluiceKernels

/// Gathers figures of changes in one lane, while tiles are in the nearest cache.
final class ChangeMeter {
  private let figures: ChangeFigures
  private let kernels: Kernels
  private var sample: TileSample?
  private var sums: ChangeFigures.Sums
  private let sizes: DeltaSizeCounter

  init(_ figures: ChangeFigures, kernels: Kernels) {
    self.figures = figures
    self.kernels = kernels
    sums = ChangeFigures.Sums(modelCount: figures.modelCount)
    sizes = DeltaSizeCounter(modelCount: figures.modelCount)
  }

  func begin(_ strip: Strip, tileElements: Int) {
    sums = ChangeFigures.Sums(modelCount: figures.modelCount)
    sample =
      figures.covers(strip.task)
      ? TileSample(strip.task, modelCount: figures.modelCount, tileElements: tileElements) : nil
  }

  /// Whether a tile is looked at.
  func measures(_ tile: Range<Int>, of chunk: Chunk) -> Bool {
    sample?.contains(chunk.elements.lowerBound + tile.lowerBound) ?? false
  }

  /// Looks at a tile whose deltas are merged.
  func add(_ count: Int, _ buffers: TileBuffers) {
    let models = figures.modelCount
    sums.count += count
    unsafe add(buffers.base.pointer, buffers.base.pointer, count, to: &sums.base)
    let merged = unsafe UnsafePointer(buffers.merged.pointer)
    unsafe add(merged, merged, count, to: &sums.merged)
    for high in 0..<models {
      let (change, kept) = unsafe (buffers.keptDelta(of: high), buffers.delta(of: high))
      unsafe add(merged, change, count, to: &sums.shares[high])
      unsafe sizes.add(change, count: count, model: high)
      for low in 0...high {
        let index = ChangeFigures.Sums.index(low, high)
        unsafe add(buffers.keptDelta(of: low), change, count, to: &sums.changes[index])
        unsafe add(buffers.delta(of: low), kept, count, to: &sums.kept[index])
      }
    }
  }

  /// Keeps the figures of a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - scale: What merged deltas are multiplied by before they are added.
  func end(_ strip: Strip, scale: Float) {
    guard sample != nil else { return }
    let scale = Double(scale)
    sums.sizes = sizes.take()
    sums.merged.dot *= scale * scale
    for model in sums.shares.indices { sums.shares[model].dot *= scale }
    figures.set(sums, strip: strip.ordinal)
  }

  private func add(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, _ count: Int,
    to sum: inout Comparison
  ) {
    // SAFETY: the buffers hold a whole tile.
    sum += unsafe kernels.compare(first, second, count: count)
  }
}
