package import SluiceKernels

/// Pass 1 in one lane: delta -> significance, fused while a tile is in cache.
///
/// Counts deltas into histograms, one for each strip and model: as they are, or as the stages before
/// leave them. Rows that the base does not have are left out.
package final class SurveySegment: LaneSegment {
  private let store: HistogramStore
  private let delta: DeltaStage
  private let buffers: TileBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let isPlain: Bool
  private var builders: [[HistogramMode: HistogramBuilder]]
  private var active: [HistogramBuilder?] = []
  /// The models whose histograms are there already.
  private var known: Set<Int> = []

  /// Makes the segment of one lane.
  package init(
    modelNames: [String], store: HistogramStore, kernels: Kernels, prefix: TransformChain = .empty
  ) {
    self.store = store
    self.kernels = kernels
    isPlain = prefix.isEmpty
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    buffers = TileBuffers(modelCount: modelNames.count, tileElements: prefix.tileElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    builders = Array(repeating: [:], count: modelNames.count)
  }

  /// Chooses how each model's deltas are counted.
  package func begin(_ strip: Strip) throws {
    try prefix.begin(strip)
    known = Set(
      strip.task.fineTuned.indices.filter {
        store.records.hasRecord(strip: strip.ordinal, model: $0)
      })
    active = strip.task.fineTuned.enumerated().map { model, source in
      if known.contains(model) { return nil }
      // A model without the tensor is unchanged there, but a stage may make something of zeros.
      if source == nil, isPlain { return nil }
      let mode =
        source.map { HistogramMode(base: strip.task.base.dtype, fineTuned: $0.dtype) } ?? .binned
      if let builder = builders[model][mode] { return builder }
      let builder = HistogramBuilder(mode: mode, kernels: kernels)
      builders[model][mode] = builder
      return builder
    }
  }

  /// Counts a chunk.
  package func process(_ chunk: Chunk) throws {
    for run in chunk.tiles(of: HistogramBuilder.runElements) where chunk.hasBase(run) {
      for model in active.indices {
        guard let builder = active[model] else { continue }
        if isPlain, try delta.count(model, chunk, run, in: builder) { continue }
        try countBlocks(of: run, chunk, model, in: builder)
      }
    }
  }

  private func countBlocks(
    of run: Range<Int>, _ chunk: Chunk, _ model: Int, in builder: HistogramBuilder
  ) throws {
    for tile in ChunkTiles(run, tileElements: buffers.tileElements) {
      try delta.takeDifference(model, chunk, tile)
      let deltas = unsafe buffers.delta(of: model)
      if !isPlain {
        try unsafe prefix.apply(
          to: deltas, count: tile.count,
          firstElement: chunk.elements.lowerBound + tile.lowerBound, model: model)
      }
      unsafe builder.add(deltas, count: tile.count)
    }
  }

  /// Keeps the histograms of a strip.
  package func end(_ strip: Strip) throws {
    for (model, builder) in active.enumerated() where !known.contains(model) {
      // A model without the tensor is unchanged there: nothing but zeros.
      let end = min(strip.elements.upperBound, strip.task.baseElementCount)
      let count = UInt64(max(0, end - strip.elements.lowerBound))
      let zeros = MagnitudeHistogram(
        count > 0 ? [MagnitudeHistogram.Entry(bits: 0, count: count)] : [])
      try store.put(builder?.finish() ?? zeros, strip: strip.ordinal, model: model)
    }
  }
}
