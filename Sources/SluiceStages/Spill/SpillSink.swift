internal import SluiceCore
package import SluiceFormats
package import SluiceKernels

/// Packs what is kept of the deltas into frames, which go to the writer: in pass 1, grain by grain behind the counting.
@safe package final class SpillSink: TileSink {
  private let floors: @Sendable (Strip) -> [SpillFloor?]
  private let forecast: FloorForecast?
  private let output: FrameOutput
  private let store: SpillStore
  private let kernels: Kernels
  private let sumsBase: Bool
  private let keepsTransformed: Bool
  private let didPack: @Sendable (Strip, [UInt32]) -> Void
  private let encoder: FrameEncoder
  private let packers: [FramePacker]
  private let planes: AlignedBuffer<UInt8>
  private let tunedCells: AlignedBuffer<UInt32>
  private let baseCells: AlignedBuffer<UInt32>
  /// For each model what is kept of the strip.
  private var kept: [SpillFloor?] = []
  /// For each model the largest floor of a tile, so that everything from it on is there.
  private var highest: [UInt32] = []
  /// For each model whose frames they are.
  private var owners: [String] = []
  /// Whether of the strip at hand is packed what stages left of the deltas.
  private var isTransformed = false
  /// Where in the chunk the base's bytes begin that no sum has yet.
  private var unsummed = 0

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - floors: For each model what is kept of a strip; nil if nothing is wanted of it.
  ///   - forecast: What foresees it, where that is needed.
  ///   - output: Where frames go.
  ///   - store: Whose frames they are.
  ///   - codec: How sections are compressed.
  ///   - sumsBase: Whether frames say which base they were made with: those of a store, which another merge
  ///     reads. A run knows its own base.
  ///   - keepsTransformed: Whether linear layers are packed as the stages before leave their deltas.
  ///   - kernels: The kernels to pack with.
  ///   - didPack: Called when a strip is packed, with the pattern from which on every magnitude of a model was kept.
  package init(
    modelCount: Int, floors: @escaping @Sendable (Strip) -> [SpillFloor?],
    forecast: FloorForecast? = nil, output: FrameOutput, store: SpillStore, codec: FrameCodec,
    sumsBase: Bool,
    keepsTransformed: Bool = false, kernels: Kernels,
    didPack: @escaping @Sendable (Strip, [UInt32]) -> Void = { _, _ in }
  ) {
    self.didPack = didPack
    self.keepsTransformed = keepsTransformed
    self.sumsBase = sumsBase
    self.floors = floors
    self.forecast = forecast
    self.output = output
    self.store = store
    self.kernels = kernels
    encoder = FrameEncoder(codec, kernels: kernels)
    packers = (0..<modelCount).map { _ in FramePacker(kernels: kernels) }
    planes = AlignedBuffer(count: Frame.elementLimit * 4, fill: 0)
    tunedCells = AlignedBuffer(count: Granularity.tileElements, fill: 0)
    baseCells = AlignedBuffer(count: Granularity.tileElements, fill: 0)
  }

  /// The bytes that the sink of one lane holds, with those of the encoder.
  ///
  /// - Parameter modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  package static func byteCount(modelCount: Int) -> Int {
    modelCount * FramePacker.byteCount + Frame.elementLimit * 4 + FrameEncoder.byteCount
  }

  /// A frame is of one model.
  ///
  /// It ends with the model's last element, which the sink sees to: frames of other models go on. Models
  /// take turns with every tile, as all of them are packed against the base's.
  package var order: DeltaOrder {
    .modelByModel(spanElements: Granularity.tileElements, dividesAtEnds: false)
  }
  /// All rows are kept; a merge decides what becomes of them.
  package var takesAddedRows: Bool { true }

  /// Looks up what is kept of the strip.
  package func begin(_ strip: Strip) -> StripRequest {
    kept = floors(strip)
    highest = kept.map { _ in 0 }
    isTransformed = keepsTransformed && strip.task.role == .linear
    output.begin(modelCount: kept.count)
    owners.removeAll(keepingCapacity: true)
    for (model, floor) in kept.enumerated() {
      owners.append(floor == nil ? "" : store.owner(strip.task, model: model))
    }
    let models = kept.indices.filter { kept[$0] != nil }
    return StripRequest(
      models: models, usesTransforms: isTransformed, usesTiles: !models.isEmpty)
  }

  /// Begins to sum the base's bytes.
  package func begin(_ chunk: Chunk) { unsummed = 0 }

  /// Packs what is kept of a tile.
  package func take(
    _ tile: Range<Int>, of model: Int, _ chunk: Chunk, _ buffers: TileBuffers
  ) {
    guard let rule = kept[model], let run = chunk.fineTuned[model],
      run.elementCount > tile.lowerBound
    else { return }
    let first = chunk.elements.lowerBound - chunk.strip.elements.lowerBound
    let end = min(tile.upperBound, run.elementCount)
    // Tiles of stages that look at rows are longer than what is packed at a time.
    for start in stride(from: tile.lowerBound, to: end, by: Granularity.tileElements) {
      let part = start..<min(start + Granularity.tileElements, end)
      let floor = floor(rule, at: first + start, of: model)
      let deltas = unsafe UnsafePointer(buffers.delta(of: model) + (start - tile.lowerBound))
      unsafe select(deltas, count: part.count, floor, packers[model])
      unsafe pack(part, run, deltas, chunk, packers[model])
    }
  }

  /// The smallest pattern of a magnitude that is kept of a tile.
  private func floor(_ rule: SpillFloor, at element: Int, of model: Int) -> UInt32 {
    let floor =
      switch rule {
      case .known(let bits): bits
      case .foreseen: forecast?.bits(at: element, of: model) ?? 0
      }
    highest[model] = max(highest[model], floor)
    return floor
  }

  /// Chooses what is kept of a tile.
  private func select(
    _ deltas: UnsafePointer<Float>, count: Int, _ floor: UInt32, _ packer: FramePacker
  ) {
    let keep = unsafe packer.nextKeep
    if floor == 0 {
      for word in 0..<(count + 63) / 64 {
        let rest = count - word * 64
        unsafe keep[word] = rest >= 64 ? .max : 1 << UInt64(rest) - 1
      }
    } else {
      var cursor = TieCursor(threshold: floor, rule: .keepAll)
      _ = unsafe kernels.select(deltas, count: count, cursor: &cursor, keep: keep)
    }
  }

  /// Packs a tile of which is chosen what is kept.
  private func pack(
    _ tile: Range<Int>, _ run: ChunkRun, _ deltas: UnsafePointer<Float>, _ chunk: Chunk,
    _ packer: FramePacker
  ) {
    guard !isTransformed else {
      let zeros = unsafe BasePatterns.tile(nil, tile, .f32, in: baseCells, kernels: kernels)
      return unsafe packer.add(
        UnsafeRawPointer(deltas), base: zeros, .f32, count: tile.count)
    }
    let dtype = Kernels.packedDType(base: chunk.strip.task.base.dtype, tuned: run.dtype)
    let tuned = unsafe cells(run, tile, dtype, in: tunedCells)
    // Deltas that were computed are kept as they are: as what they differ from zero.
    let base = unsafe BasePatterns.tile(
      run.isDelta ? nil : chunk.base, tile, dtype, in: baseCells, kernels: kernels)
    unsafe packer.add(tuned, base: base, dtype, count: tile.count)
  }

  /// Sums the base's bytes where a chunk or frame ends, and finishes frames.
  package func take(_ span: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) throws {
    let strip = chunk.strip
    let first = chunk.elements.lowerBound + span.lowerBound
    let end = chunk.elements.lowerBound + span.upperBound
    // Frames are counted from the strip's beginning.
    let begun = (first - strip.elements.lowerBound) % Frame.elementLimit
    let isFrameEnd = end == min(first - begun + Frame.elementLimit, strip.elements.upperBound)
    guard isFrameEnd || end == chunk.elements.upperBound else { return }
    // Sums are over whole grains, and frames and chunks end with one.
    if sumsBase { addBase(chunk, unsummed..<span.upperBound) }
    unsummed = span.upperBound
    if isFrameEnd { try finishFrames(strip, firstElement: first - begun) }
  }

  /// Sends what is left of the strip.
  package func end(_ strip: Strip) throws {
    guard kept.contains(where: { $0 != nil }) else { return }
    try output.end(strip, floors: highest)
    didPack(strip, highest)
  }

  /// Adds to the sums of the base's bytes what the models have elements for, mostly all the same.
  private func addBase(_ chunk: Chunk, _ span: Range<Int>) {
    guard let base = chunk.base else { return }
    var known: (end: Int, sum: BlockSum)?
    for (model, floor) in kept.enumerated() where floor != nil {
      guard let run = chunk.fineTuned[model] else { continue }
      let end = min(span.upperBound, base.elementCount, run.elementCount)
      guard span.lowerBound < end else { continue }
      if known?.end != end {
        // SAFETY: both positions lie inside the run.
        let bytes = unsafe UnsafeRawBufferPointer(
          start: base.element(span.lowerBound),
          count: (end - span.lowerBound) * (base.dtype.byteCount ?? 1))
        var sum = BlockSum()
        unsafe sum.add(
          bytes, firstElement: chunk.elements.lowerBound + span.lowerBound, dtype: base.dtype)
        known = (end, sum)
      }
      if let known { packers[model].addBase(known.sum) }
    }
  }

  /// A model's patterns of a tile: where they lie if they are of the type asked for, or else widened.
  private func cells(
    _ run: ChunkRun, _ tile: Range<Int>, _ dtype: DType, in scratch: AlignedBuffer<UInt32>
  ) -> UnsafeRawPointer {
    if run.dtype == dtype { return unsafe run.element(tile.lowerBound) }
    let count = min(tile.upperBound, run.elementCount) - tile.lowerBound
    // SAFETY: the scratch has four bytes for each element of a tile.
    unsafe scratch.pointer.withMemoryRebound(to: Float.self, capacity: scratch.count) {
      _ = unsafe kernels.widen(run.element(tile.lowerBound), run.dtype, into: $0, count: count)
    }
    return unsafe UnsafeRawPointer(scratch.pointer)
  }

  private func finishFrames(_ strip: Strip, firstElement: Int) throws {
    for (model, floor) in kept.enumerated() where floor != nil {
      let packer = packers[model]
      guard packer.count > 0, let source = strip.task.fineTuned[model] else {
        output.appendNothing(model: model)
        continue
      }
      let dtype =
        isTransformed
        ? .f32 : Kernels.packedDType(base: strip.task.base.dtype, tuned: source.deltaDType)
      let seed = Frame.seed(owner: owners[model], firstElement: firstElement)
      try unsafe output.append(model: model, dtype, strip) { target in
        unsafe packer.finish(dtype, seed: seed, planes: planes, encoder, into: target)
      }
    }
  }
}
