internal import SluiceKernels

/// Gathers figures of changes in one lane, while tiles are in the nearest cache.
///
/// What is looked at, and in which order it is added up, is chosen by units of
/// `Granularity.tileElements`, however long tiles are: other layers of the merge do not change the
/// figures of this one.
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
    sizes = DeltaSizeCounter(modelCount: figures.modelCount, kernels: kernels)
  }

  func begin(_ strip: Strip) {
    sums = ChangeFigures.Sums(modelCount: figures.modelCount)
    sample =
      figures.covers(strip.task)
      ? TileSample(strip.task, modelCount: figures.modelCount) : nil
  }

  /// Whether something of a tile is looked at.
  func measures(_ tile: Range<Int>, of chunk: Chunk) -> Bool {
    guard let sample else { return false }
    return ChangeMeter.units(tile, of: chunk).contains { sample.contains($0.element) }
  }

  /// Looks at a tile whose deltas are merged.
  func add(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) {
    guard let sample else { return }
    for unit in ChangeMeter.units(tile, of: chunk) where sample.contains(unit.element) {
      add(unit.place, buffers)
    }
  }

  /// The units of a tile: each with its first element, and where it is in the tile's buffers.
  private static func units(
    _ tile: Range<Int>, of chunk: Chunk
  ) -> some Sequence<(element: Int, place: Range<Int>)> {
    let first = chunk.elements.lowerBound + tile.lowerBound
    let all = ChunkTiles(
      0..<tile.count, tileElements: Granularity.tileElements, borders: [],
      origin: -(first % Granularity.tileElements))
    return all.lazy.map { (first + $0.lowerBound, $0) }
  }

  private func add(_ place: Range<Int>, _ buffers: TileBuffers) {
    let (models, start, count) = (figures.modelCount, place.lowerBound, place.count)
    sums.count += count
    let base = unsafe UnsafePointer(buffers.base.pointer) + start
    unsafe add(base, base, count, to: &sums.base)
    let merged = unsafe UnsafePointer(buffers.merged.pointer) + start
    unsafe add(merged, merged, count, to: &sums.merged)
    for high in 0..<models {
      let change = unsafe buffers.keptDelta(of: high) + start
      let kept = unsafe buffers.delta(of: high) + start
      unsafe add(merged, change, count, to: &sums.shares[high])
      unsafe sizes.add(change, count: count, model: high)
      for low in 0...high {
        let index = ChangeFigures.Sums.index(low, high)
        unsafe add(buffers.keptDelta(of: low) + start, change, count, to: &sums.changes[index])
        unsafe add(buffers.delta(of: low) + start, kept, count, to: &sums.kept[index])
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
