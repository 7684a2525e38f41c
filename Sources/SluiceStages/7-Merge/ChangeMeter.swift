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
  private var count = 0
  private let sizes: DeltaSizeCounter
  /// Made when the buffers are known.
  private var pairs: ChangePairs?
  /// The figures of the strip at hand when it ends.
  private var sums: ChangeFigures.Sums
  /// Those of strips that are not kept yet.
  private var batch = ChangeFigures.Batch()

  init(_ figures: ChangeFigures, kernels: Kernels) {
    self.figures = figures
    self.kernels = kernels
    sums = ChangeFigures.Sums(modelCount: figures.modelCount)
    sizes = DeltaSizeCounter(modelCount: figures.modelCount, kernels: kernels)
  }

  func begin(_ strip: Strip) {
    count = 0
    pairs?.comparison.clear()
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
    let pairs = pairs ?? ChangePairs(figures.modelCount, buffers, kernels)
    self.pairs = pairs
    count += place.count
    pairs.add(place, buffers)
    for model in 0..<figures.modelCount {
      // SAFETY: the buffers hold a whole tile.
      unsafe sizes.add(
        buffers.keptDelta(of: model) + place.lowerBound, count: place.count, model: model)
    }
  }

  /// Adds up the figures of a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - scale: What merged deltas are multiplied by before they are added.
  func end(_ strip: Strip, scale: Float) {
    guard sample != nil else { return }
    sums.clear()
    if count > 0 { pairs?.fill(&sums) }
    let scale = Double(scale)
    sums.count = count
    sizes.exchange(&sums.sizes)
    sums.comparisons[1].dot *= scale * scale
    for share in sums.firstShare..<sums.comparisons.count { sums.comparisons[share].dot *= scale }
    batch.add(sums, strip: strip.ordinal)
  }

  /// Whether so much was added up that it should be kept.
  var isFull: Bool { batch.isFull }

  /// Keeps the figures of all strips that ended.
  func keep() {
    figures.set(batch)
    batch.removeAll()
  }
}

/// The runs that are compared of each unit: the base's weights, the merged deltas, the models' deltas as they came,
/// and, where stages act on those, what is left of them.
private struct ChangePairs {
  let comparison: RunComparison
  private let modelCount: Int
  private let keepsDeltas: Bool

  private enum Run {
    static let (base, merged, firstChange) = (0, 1, 2)
  }

  init(_ modelCount: Int, _ buffers: TileBuffers, _ kernels: Kernels) {
    self.modelCount = modelCount
    keepsDeltas = buffers.keepsDeltas
    let changes = Run.firstChange..<Run.firstChange + modelCount
    let left = changes.upperBound..<changes.upperBound + (keepsDeltas ? modelCount : 0)
    comparison = RunComparison(
      runCount: left.upperBound,
      pairs: changes.map { (Run.merged, $0) } + ChangePairs.all(of: changes)
        + ChangePairs.all(of: left),
      kernels: kernels)
  }

  /// Those of two different runs: (0, 1), (0, 2), (1, 2), (0, 3) and so on.
  private static func all(of runs: Range<Int>) -> [RunComparison.Pair] {
    runs.flatMap { high in (runs.lowerBound..<high).map { ($0, high) } }
  }

  /// Compares a unit.
  func add(_ place: Range<Int>, _ buffers: TileBuffers) {
    let start = place.lowerBound
    // SAFETY: the buffers hold a whole tile.
    unsafe comparison.set(Run.base, buffers.base.pointer + start)
    unsafe comparison.set(Run.merged, buffers.merged.pointer + start)
    for model in 0..<modelCount {
      unsafe comparison.set(Run.firstChange + model, buffers.keptDelta(of: model) + start)
      guard keepsDeltas else { continue }
      unsafe comparison.set(
        Run.firstChange + modelCount + model, buffers.delta(of: model) + start)
    }
    comparison.add(count: place.count)
  }

  /// Gives the sums of all units.
  func fill(_ sums: inout ChangeFigures.Sums) {
    sums.comparisons[0] = comparison.sum(ofRun: Run.base)
    sums.comparisons[1] = comparison.sum(ofRun: Run.merged)
    for model in 0..<modelCount {
      sums.comparisons[sums.firstShare + model] = comparison.sum(ofPair: model)
    }
    fill(&sums, from: sums.firstChange, firstRun: Run.firstChange, firstPair: modelCount)
    // Where no stage acts on deltas, they are kept as they came.
    fill(
      &sums, from: sums.firstKept, firstRun: Run.firstChange + (keepsDeltas ? modelCount : 0),
      firstPair: modelCount + (keepsDeltas ? modelCount * (modelCount - 1) / 2 : 0))
  }

  private func fill(
    _ sums: inout ChangeFigures.Sums, from start: Int, firstRun: Int, firstPair: Int
  ) {
    var (place, pair) = (start, firstPair)
    for high in 0..<modelCount {
      for _ in 0..<high {
        sums.comparisons[place] = comparison.sum(ofPair: pair)
        (place, pair) = (place + 1, pair + 1)
      }
      sums.comparisons[place] = comparison.sum(ofRun: firstRun + high)
      place += 1
    }
  }
}
