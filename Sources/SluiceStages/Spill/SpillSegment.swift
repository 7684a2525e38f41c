internal import SluiceCore
package import SluiceFormats
package import SluiceKernels

/// What of a tensor is kept in frames, once its first look is done.
package struct SpillFloors: Sendable, Hashable {
  /// For each model the Float32 bit pattern of the smallest |delta| that is kept; 0 for every element,
  /// nil if nothing of that model is wanted.
  package var floors: [UInt32?]

  /// States what is kept.
  ///
  /// - Parameter floors: For each model the smallest pattern that is kept, 0 or nil.
  package init(floors: [UInt32?]) { self.floors = floors }
}

/// The second look of pass 1 in one lane: delta -> keep -> pack, fused; frames go to
/// the writer.
@safe package final class SpillSegment: LaneSegment {
  private let wishes: @Sendable (TensorTask) -> SpillFloors?
  private let output: FrameOutput
  private let store: SpillStore
  private let kernels: Kernels
  private let encoder: FrameEncoder
  private let buffers: TileBuffers
  private let delta: DeltaStage
  private let packers: [FramePacker]
  private let planes: AlignedBuffer<UInt8>
  private let tunedCells: AlignedBuffer<UInt32>
  private let baseCells: AlignedBuffer<UInt32>
  private var wish = SpillFloors(floors: [])

  /// Makes the segment of one lane.
  package init(
    modelNames: [String], wishes: @escaping @Sendable (TensorTask) -> SpillFloors?,
    output: FrameOutput, store: SpillStore, codec: FrameCodec, kernels: Kernels
  ) {
    self.wishes = wishes
    self.output = output
    self.store = store
    self.kernels = kernels
    encoder = FrameEncoder(codec)
    buffers = TileBuffers(modelCount: modelNames.count)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    packers = modelNames.map { _ in FramePacker(kernels: kernels) }
    planes = AlignedBuffer(count: Frame.elementLimit * 4, fill: 0)
    tunedCells = AlignedBuffer(count: Granularity.tileElements, fill: 0)
    baseCells = AlignedBuffer(count: Granularity.tileElements, fill: 0)
  }

  /// The bytes that the segment of one lane holds, with those of the encoder.
  ///
  /// - Parameter modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  package static func byteCount(modelCount: Int) -> Int {
    modelCount * FramePacker.byteCount + Frame.elementLimit * 4 + 1 << 20
  }

  /// Looks up what is kept of the strip's tensor.
  package func begin(_ strip: Strip) {
    wish = wishes(strip.task) ?? SpillFloors(floors: packers.map { _ in nil })
    output.begin(floors: wish.floors.map { $0 ?? 0 })
  }

  /// Packs a chunk.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite, `CancelledError` if the run was cancelled.
  package func process(_ chunk: Chunk) throws {
    let strip = chunk.strip
    var start = chunk.elements.lowerBound
    while start < chunk.elements.upperBound {
      // Frames are counted from the strip's beginning.
      let done = (start - strip.elements.lowerBound) % Frame.elementLimit
      let frameEnd = min(start - done + Frame.elementLimit, strip.elements.upperBound)
      let end = min(frameEnd, chunk.elements.upperBound)
      try add(chunk, start..<end)
      if end == frameEnd { try finishFrames(strip, firstElement: start - done) }
      start = end
    }
  }

  /// Sends what is left of the strip.
  package func end(_ strip: Strip) throws { try output.end(strip) }

  /// Adds a part of a frame, tile by tile.
  private func add(_ chunk: Chunk, _ elements: Range<Int>) throws {
    let first = chunk.elements.lowerBound
    var start = elements.lowerBound
    while start < elements.upperBound {
      let tile =
        (start - first)..<(min(start + buffers.tileElements, elements.upperBound) - first)
      try delta.widenBase(chunk, tile)
      for (model, floor) in wish.floors.enumerated() {
        if let floor { try add(chunk, tile, model: model, floor: floor) }
      }
      start += tile.count
    }
    for (model, floor) in wish.floors.enumerated() where floor != nil {
      addBase(chunk, elements, model: model)
    }
  }

  /// Adds to the sum of the base's bytes what the model has elements for.
  private func addBase(_ chunk: Chunk, _ elements: Range<Int>, model: Int) {
    guard let base = chunk.base, let run = chunk.fineTuned[model] else { return }
    let start = elements.lowerBound - chunk.elements.lowerBound
    let end = min(start + elements.count, base.elementCount, run.elementCount)
    guard start < end else { return }
    // SAFETY: both positions lie inside the run.
    let bytes = unsafe UnsafeRawBufferPointer(
      start: base.element(start), count: (end - start) * (base.dtype.byteCount ?? 1))
    unsafe packers[model].addBase(bytes, firstElement: elements.lowerBound, base.dtype)
  }

  private func add(_ chunk: Chunk, _ tile: Range<Int>, model: Int, floor: UInt32) throws {
    guard let run = chunk.fineTuned[model], run.elementCount > tile.lowerBound else { return }
    // The frame ends with the model's last element.
    let count = min(tile.upperBound, run.elementCount) - tile.lowerBound
    let packer = packers[model]
    try delta.takeDelta(model, chunk, tile)
    let keep = unsafe packer.nextKeep
    if floor == 0 {
      for word in 0..<(count + 63) / 64 {
        let rest = count - word * 64
        unsafe keep[word] = rest >= 64 ? .max : 1 << UInt64(rest) - 1
      }
    } else {
      var cursor = TieCursor(threshold: floor, rule: .keepAll)
      _ = unsafe kernels.select(
        buffers.delta(of: model), count: count, cursor: &cursor, keep: keep)
    }
    let dtype = Kernels.packedDType(base: chunk.strip.task.base.dtype, tuned: run.dtype)
    let tuned = unsafe cells(run, tile, dtype, in: tunedCells)
    let base = unsafe baseCells(chunk, tile, dtype)
    unsafe packer.add(tuned, base: base, dtype, count: count)
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

  /// The base's patterns of a tile, zeros where it has no element.
  private func baseCells(
    _ chunk: Chunk, _ tile: Range<Int>, _ dtype: DType
  ) -> UnsafeRawPointer {
    unsafe BasePatterns.tile(
      chunk.base, tile, dtype, in: baseCells, kernels: kernels)
  }

  private func finishFrames(_ strip: Strip, firstElement: Int) throws {
    for (model, floor) in wish.floors.enumerated() where floor != nil {
      let packer = packers[model]
      guard packer.count > 0, let source = strip.task.fineTuned[model] else {
        output.appendNothing(model: model)
        continue
      }
      let dtype = Kernels.packedDType(base: strip.task.base.dtype, tuned: source.dtype)
      let seed = Frame.seed(
        owner: store.owner(strip.task, model: model), firstElement: firstElement)
      try unsafe output.append(model: model, dtype, strip) { target in
        unsafe packer.finish(dtype, seed: seed, planes: planes, encoder, into: target)
      }
    }
  }
}
