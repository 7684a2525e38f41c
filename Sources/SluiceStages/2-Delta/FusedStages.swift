internal import SluiceCore
package import SluiceKernels

/// Neighbouring stages fused on one thread: delta -> transforms -> sink, tile by tile while a tile is
/// in the nearest cache.
///
/// A lane works through a strip from its first chunk to its last, then begins the next.
package final class FusedStages {
  private let sink: any TileSink
  private let delta: DeltaStage
  private let buffers: TileBuffers
  private let transforms: TransformLanes
  private let hasTransforms: Bool
  private let takesAddedRows: Bool
  private let norms: NormMeter?
  private let form: TileForm
  /// The type that the strip at hand is computed in, where that is not Float32 once.
  private var working: DType?
  private var request = StripRequest(models: [])

  /// Makes the stages of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - transforms: What is done to the deltas before the sink.
  ///   - kernels: The kernels to compute with.
  ///   - sink: What is done with them.
  ///   - norms: Where is noted how large deltas are that were computed.
  package init(
    modelNames: [String], transforms: TransformChain = .empty, kernels: Kernels,
    sink: any TileSink, norms: DeltaNorms? = nil
  ) {
    self.sink = sink
    self.norms = norms.map {
      NormMeter($0, modelCount: modelNames.count, kernels: kernels)
    }
    takesAddedRows = sink.takesAddedRows
    hasTransforms = !transforms.isEmpty
    form = transforms.form
    buffers = TileBuffers(modelCount: modelNames.count, tileElements: transforms.tileElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    self.transforms = TransformLanes(transforms, modelCount: modelNames.count, kernels: kernels)
  }

  /// Makes stages with another sink, for the same lane, where no transform stands before it.
  ///
  /// - Parameters:
  ///   - other: The stages of the lane, whose buffers are used.
  ///   - sink: What is done with the deltas.
  package init(sharing other: FusedStages, sink: any TileSink) {
    precondition(!other.hasTransforms, "transforms are of one strip at a time")
    self.sink = sink
    norms = nil
    takesAddedRows = sink.takesAddedRows
    (hasTransforms, form) = (false, other.form)
    (buffers, delta, transforms) = (other.buffers, other.delta, other.transforms)
  }

  /// Works on the next chunk of a strip, from its beginning or to its end if the chunk is the first or last.
  ///
  /// - Throws: What is wrong with a weight, `FormatError` if a file cannot be read, and what the sink throws.
  package func take(_ chunk: Chunk) throws {
    if chunk.isFirst { try begin(chunk.strip) }
    try process(chunk)
    try chunk.checkReadable()
    if chunk.isLast { try end(chunk.strip) }
  }

  /// Works on the next chunk, grain by grain in turns with other stages of the lane: what is found of a grain is
  /// known to these when they come to it, and so is what is found of the whole strip at its last grain.
  package func take(_ chunk: Chunk, before others: FusedStages) throws {
    if chunk.isFirst {
      try begin(chunk.strip)
      try others.begin(chunk.strip)
    }
    try sink.begin(chunk)
    try others.sink.begin(chunk)
    var waiting = 0..<0
    for grain in chunk.grains {
      try others.process(waiting, of: chunk)
      try process(grain, of: chunk)
      waiting = grain
    }
    try sink.end(chunk)
    try chunk.checkReadable()
    if chunk.isLast { try end(chunk.strip) }
    try others.process(waiting, of: chunk)
    try others.sink.end(chunk)
    try chunk.checkReadable()
    if chunk.isLast { try others.end(chunk.strip) }
  }

  /// Prepares for a strip.
  func begin(_ strip: Strip) throws {
    request = try sink.begin(strip)
    working = form.working?.dtype(of: strip.task)
    norms?.begin(strip)
    try transforms.begin(strip, isActive: request.usesTransforms)
  }

  /// Works on the next chunk of the strip.
  func process(_ chunk: Chunk) throws {
    try sink.begin(chunk)
    try process(0..<chunk.elements.count, of: chunk)
    try sink.end(chunk)
  }

  private func process(_ part: Range<Int>, of chunk: Chunk) throws {
    guard request.usesTiles, !part.isEmpty else { return }
    switch sink.order {
    case .tileByTile:
      try takeTiles(chunk.tiles(of: buffers.tileElements, in: part), of: chunk, request.models)
    case .modelByModel(let elements, let dividesAtEnds):
      // A stage that wants long tiles gets the same ones in every pass.
      let spans = chunk.spans(
        of: max(elements, buffers.tileElements), dividesAtEnds: dividesAtEnds, in: part)
      try takeSpans(spans, of: chunk, request.models)
    }
  }

  /// Finishes the strip.
  func end(_ strip: Strip) throws {
    norms?.end(strip)
    try sink.end(strip)
  }

  private func takeTiles(_ tiles: ChunkTiles, of chunk: Chunk, _ models: [Int]) throws {
    for tile in tiles {
      let hasBase = chunk.hasBase(tile)
      guard hasBase || takesAddedRows else { continue }
      try take(base: tile, of: chunk)
      norms?.addBase(buffers, count: tile.count)
      let keepsDeltas = hasTransforms && hasBase && sink.measures(tile, of: chunk)
      for model in models {
        try take(tile, of: model, chunk)
        norms?.add(model, buffers, count: tile.count)
        if keepsDeltas { buffers.keepDelta(of: model, count: tile.count) }
        if hasBase, hasTransforms { try transform(tile, of: model, chunk) }
      }
      try sink.take(tile, of: chunk, buffers)
    }
  }

  private func takeSpans(_ spans: ChunkTiles, of chunk: Chunk, _ models: [Int]) throws {
    for span in spans {
      let hasBase = chunk.hasBase(span)
      guard hasBase || takesAddedRows else { continue }
      for model in models {
        if !hasTransforms, working == nil, try sink.takeFused(span, of: model, chunk, delta) {
          continue
        }
        for tile in ChunkTiles(span, tileElements: buffers.tileElements) {
          if working == nil {
            try delta.takeDifference(model, chunk, tile)
          } else {
            try take(base: tile, of: chunk)
            try take(tile, of: model, chunk)
          }
          if hasBase, hasTransforms { try transform(tile, of: model, chunk) }
          try sink.take(tile, of: model, chunk, buffers)
        }
      }
      try sink.take(span, of: chunk, buffers)
    }
  }

  private func take(base tile: Range<Int>, of chunk: Chunk) throws {
    try delta.widenBase(chunk, tile)
    if let working { try delta.roundBase(chunk, tile, to: working) }
  }

  private func take(_ tile: Range<Int>, of model: Int, _ chunk: Chunk) throws {
    guard let working else { return try delta.takeDelta(model, chunk, tile) }
    try delta.takeWeights(model, chunk, tile, roundedTo: working)
    if case .roundedDifferences = form {
      try delta.subtractBase(model, chunk, tile, roundedTo: working)
    }
  }

  private func transform(_ tile: Range<Int>, of model: Int, _ chunk: Chunk) throws {
    try unsafe transforms.apply(
      to: buffers.delta(of: model), count: tile.count,
      firstElement: chunk.elements.lowerBound + tile.lowerBound, model: model)
  }
}
