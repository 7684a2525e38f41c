internal import SluiceRecipe
internal import SluiceAdapters
internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// How the byte budget of a run is spent.
package struct MemoryPlan: Sendable, Hashable {
  /// The number of lanes.
  package let lanes: Int
  /// The number of elements in a chunk.
  package let chunkElements: Int
  /// The most bytes of a chunk with the runs of all models: the windows or the buffer of a lane.
  package let chunkBytes: Int
  /// The bytes of counting tables and scratch that a lane holds.
  package let tableBytes: Int
  /// How much of adapters' factors a lane holds at once; part of `tableBytes`.
  let factorRoom: FactorRoom?
  /// The number of output buffers.
  package let outputBuffers: Int
  /// The bytes of an output buffer.
  package let outputBufferBytes: Int
  /// The number of buffers for frames; 0 if nothing is spilled.
  package let frameBuffers: Int
  /// The bytes of the lists of tensors and of what is known of them.
  package let indexBytes: Int

  /// The bytes that the plan needs in all.
  package var totalBytes: Int {
    lanes * (chunkBytes + tableBytes) + indexBytes
      + max(outputBuffers * outputBufferBytes, frameBuffersByteCount)
  }

  /// The bytes of all buffers for frames: no pass has them and output buffers.
  var frameBuffersByteCount: Int { frameBuffers * FrameOutput.bufferByteCount }

  /// The largest chunk that is worth having.
  ///
  /// What is read into buffers should still be in the processor's cache when it is worked on; a
  /// window costs less for each byte the longer it is.
  static func preferredChunkElements(_ io: InputMode) -> Int { io == .pread ? 1 << 17 : 1 << 21 }
  /// A chunk that still keeps the cost of a window or a read small.
  static let goodChunkElements = 1 << 17

  /// Fits a run into a budget: as many lanes as asked for, then chunks as large as possible; lanes
  /// are given up only for chunks that would be very small.
  static func fit(
    _ tasks: [TensorTask], recipe: MergeRecipe, partitionCount: Int, options: RunOptions,
    frames: FrameUse, factors: FactorNeed
  ) throws(PipelineError) -> MemoryPlan {
    let shape = Shape(
      tasks, recipe: recipe, partitionCount: partitionCount, frames: frames, factors: factors,
      memory: options.memory.bytes)
    let largest = options.chunkElements ?? shape.largestUsefulChunk(options.io)
    let limits = [min(largest, goodChunkElements), min(largest, Granularity.grainElements)]
    for smallest in limits {
      for lanes in (1...max(options.threads, 1)).reversed() {
        var chunk = largest
        while true {
          let plan = shape.plan(lanes: lanes, chunkElements: chunk)
          if plan.totalBytes <= options.memory.bytes { return plan }
          guard chunk > smallest else { break }
          chunk = max(chunk / 2, smallest)
        }
      }
    }
    throw .usage(
      "a memory budget of \(options.memory) is too small for these models",
      remedy: "The smallest that works is --memory \(shape.least(largest).roundedUpToMebibytes).")
  }

  /// The smallest budget that works.
  ///
  /// - Parameters:
  ///   - tasks: The tensors of the run.
  ///   - recipe: What is done with them.
  ///   - partitionCount: The most partitions of any tensor.
  ///   - options: The run's options.
  ///   - frames: Whether frames are written and read.
  ///   - factors: What computing deltas takes.
  /// - Returns: The number of bytes.
  static func smallest(
    _ tasks: [TensorTask], recipe: MergeRecipe, partitionCount: Int, options: RunOptions,
    frames: FrameUse, factors: FactorNeed
  ) -> ByteCount {
    let shape = Shape(
      tasks, recipe: recipe, partitionCount: partitionCount, frames: frames, factors: factors,
      memory: 0)
    return shape.least(options.chunkElements ?? shape.largestUsefulChunk(options.io))
  }

  /// What a run does with frames.
  struct FrameUse: Sendable, Hashable {
    /// Whether pass 1 writes some.
    let isWriting: Bool
    /// Whether later passes read some.
    let isReading: Bool

    init(_ spill: SpillPlan, _ stored: StoredModels) {
      isWriting = spill.isOn
      isReading = spill.isOn || !stored.isEmpty
    }
  }

  private struct Shape {
    let frames: FrameUse
    let factors: FactorNeed
    /// The budget, of which factors may take a part.
    var memory: Int
    let tasks: [TensorTask]
    let largestElementCount: Int
    let widestOutput: Int
    let tableBytes: Int
    let indexBytes: Int
    let normBytes: Int

    init(
      _ tasks: [TensorTask], recipe: MergeRecipe, partitionCount: Int, frames: FrameUse,
      factors: FactorNeed, memory: Int
    ) {
      self.frames = frames
      self.factors = factors
      self.memory = memory
      let modelCount = recipe.models.count
      // Only what can be the largest chunk matters: one task for each combination of dtypes and of
      // what is read in place.
      struct Kind: Hashable {
        let dtype: DType?
        let isStrided: Bool
        let isStored: Bool
        let isComputed: Bool
      }
      var distinct: [[Kind]: TensorTask] = [:]
      for task in tasks {
        let key = ([task.base] + task.fineTuned).map { source in
          Kind(
            dtype: source?.dtype, isStrided: source?.view != nil,
            isStored: source?.isStored ?? false, isComputed: source?.computed != nil)
        }
        if let other = distinct[key], other.elementCount >= task.elementCount { continue }
        distinct[key] = task
      }
      self.tasks = Array(distinct.values)
      largestElementCount = tasks.map(\.elementCount).max() ?? 0
      widestOutput = tasks.map { $0.outputDType.byteCount ?? 1 }.max() ?? 1
      let needs = recipe.method.needs
      let stages = recipe.stages
      let transforms = stages.transforms.map(\.transform.stage)
      let countsAll =
        needs.contains(.trim)
        || transforms.contains { !$0.needs.statistics.isEmpty && $0.scope == .all }
      let countsLinear =
        needs.contains(.survey) || transforms.contains { !$0.needs.statistics.isEmpty }
      let counted: Set<TensorRole> =
        countsAll ? [.linear, .dense] : countsLinear ? [.linear] : []
      var modes = Set(
        tasks.filter { counted.contains($0.role) }.flatMap { task in
          task.fineTuned.compactMap { source in
            source.map { HistogramMode(base: task.base.dtype, fineTuned: $0.deltaDType) }
          }
        })
      // Where a model has no tensor, what stages make of zeros is counted in bins.
      if !counted.isEmpty, !transforms.isEmpty || needs.contains(.trim) { modes.insert(.binned) }
      let counting = SurveySink.byteCount(modelCount: modelCount, modes: modes)
      let refining =
        modes.contains(.binned)
        ? RefineSink.byteCount(
          modelCount: modelCount,
          binCount: max(partitionCount, transforms.map(\.needs.statistics.count).max() ?? 0) + 1)
        : 0
      let summing =
        needs.contains(.maskSums) ? MaskSumSink.byteCount(modelCount: modelCount) : 0
      let rows = needs.contains(.rowCuts) ? Shape.rowBytes(tasks, modelCount: modelCount) : 0
      let solving = needs.contains(.solve) ? SolvePlan.laneByteCount(tasks) : 0
      // The passes follow each other, so a lane holds the tables of one of them at a time.
      let usesGrains =
        transforms.contains { $0.needs.usesGrains } || stages.merging?.stage.usesGrains ?? false
      let tileElements = usesGrains ? Granularity.grainElements : Granularity.tileElements
      let blocks = (modelCount + 3) * tileElements * 4 + partitionCount * tileElements / 8
      let custom =
        transforms.reduce(0) { $0 + $1.needs.laneByteCount * modelCount }
        + (stages.merging?.stage.laneByteCount ?? 0)
      let packing = frames.isWriting ? SpillSink.byteCount(modelCount: modelCount) : 0
      let unpacking = frames.isReading ? ReadStage.packedByteCount(modelCount: modelCount) : 0
      tableBytes =
        max(counting + packing, refining + unpacking, summing, rows, solving, unpacking) + blocks
        + custom
      let strips = tasks.reduce(0) { $0 + $1.elementCount >> 25 + 1 }
      indexBytes =
        tasks.count * (MemoryLayout<TensorTask>.size + 160 + modelCount * 160)
        + StripRecords.indexByteCount(stripCount: strips, modelCount: modelCount)
        + MergeProgress.byteCount(stripCount: strips, modelCount: modelCount)
      // Once in what was read of the journal, once for the report.
      normBytes = 2 * DeltaNorms.byteCount(stripCount: strips, modelCount: modelCount)
    }

    func least(_ largest: Int) -> ByteCount {
      var shape = self
      // Factors in the smallest pieces, too.
      shape.memory = 0
      let chunk = min(largest, Granularity.grainElements)
      return ByteCount(shape.plan(lanes: 1, chunkElements: chunk).totalBytes)
    }

    /// What the pass over rows holds, or, in the merge, the cuts of the rows of a strip.
    private static func rowBytes(_ tasks: [TensorTask], modelCount: Int) -> Int {
      let linear = tasks.filter { $0.role == .linear && $0.columnCount > 0 }
      let columns = linear.map(\.columnCount).max() ?? 0
      let cuts = linear.map { min($0.rowCount, (1 << 25) / $0.columnCount + 2) * 24 }.max() ?? 0
      return max(RowPass.byteCount(columnCount: columns), modelCount * (cuts + columns * 8))
    }

    func largestUsefulChunk(_ io: InputMode) -> Int {
      let grain = Granularity.grainElements
      let rounded = (max(largestElementCount, 1) + grain - 1) / grain * grain
      // Deltas that are computed should still be in the cache when they are worked on.
      return min(rounded, MemoryPlan.preferredChunkElements(factors.isEmpty ? io : .pread))
    }

    func plan(lanes: Int, chunkElements: Int) -> MemoryPlan {
      let chunkBytes =
        tasks.map { ReadStage.chunkByteCount($0, chunkElements: chunkElements) }.max() ?? 0
      let room = factors.room(chunkElements: chunkElements, limit: memory / (4 * lanes))
      return MemoryPlan(
        lanes: lanes, chunkElements: chunkElements, chunkBytes: chunkBytes,
        tableBytes: tableBytes + (room.map { $0.byteCount + ComputedRuns.byteCount } ?? 0),
        factorRoom: room,
        outputBuffers: lanes + 3,
        outputBufferBytes: outputBufferBytes(chunkElements: chunkElements),
        frameBuffers: frames.isWriting ? lanes + 2 : 0,
        indexBytes: indexBytes + factors.sharedByteCount + (factors.isEmpty ? 0 : normBytes))
    }

    /// Room for several chunks, or for one where memory is so short that chunks are small.
    private func outputBufferBytes(chunkElements: Int) -> Int {
      let chunk = min(chunkElements, max(largestElementCount, 1)) * widestOutput
      let all = max(largestElementCount, 1) * widestOutput
      let whole =
        chunkElements < MemoryPlan.goodChunkElements
        ? chunk : max(chunk, min(all, ChunkOutput.preferredByteCount))
      return (whole + ChunkOutput.alignmentSlack + 4095) & ~4095
    }
  }
}
