internal import SluiceAdapters
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStages

extension MemoryPlan {
  /// What the memory of a run depends on, whatever the number of lanes and the chunks are.
  struct Shape: Sendable {
    let frames: FrameUse
    let modelCount: Int
    let factors: FactorNeed
    /// The budget, of which factors may take a part.
    var memory: Int
    let input: InputMode
    let edge: ReadEdge
    let tasks: [TensorTask]
    let largestElementCount: Int
    let elementCount: Int
    let widestOutput: Int
    let outputBytes: Int
    let tableBytes: Int
    let indexBytes: Int
    let normBytes: Int
    /// What writers hold for tensors whose elements do not lie one after the other.
    let scatterBytes: Int

    init(
      _ tasks: [TensorTask], modelCount: Int, needs: TensorPlan.LaneNeeds,
      passes: [any TensorPass], stripElements: Int, frames: FrameUse, input: InputMode,
      edge: ReadEdge, factors: FactorNeed, memory: Int
    ) {
      self.frames = frames
      self.modelCount = modelCount
      self.factors = factors
      self.memory = memory
      self.input = input
      self.edge = edge
      self.tasks = Shape.largest(tasks)
      // In one look: there may be ten thousands of tensors.
      var (largest, elements, output, widest, strips) = (0, 0, 0, 1, 0)
      for task in tasks {
        let width = task.outputDType.byteCount ?? 1
        largest = max(largest, task.elementCount)
        elements += task.elementCount
        output += task.elementCount * width
        widest = max(widest, width)
        strips += task.elementCount / stripElements + 1
      }
      (largestElementCount, elementCount) = (largest, elements)
      (outputBytes, widestOutput) = (output, widest)
      let usesGrains =
        needs.transforms.contains { $0.needs.usesGrains }
        || needs.merging?.needs.usesGrains ?? false || needs.rows?.usesGrains ?? false
      let tileElements = usesGrains ? Granularity.grainElements : Granularity.tileElements
      let blocks = (2 * modelCount + 3) * tileElements * 4 + needs.partitionCount * tileElements / 8
      let custom =
        needs.transforms.reduce(0) { $0 + $1.needs.laneByteCount * modelCount }
        + (needs.merging?.needs.laneByteCount ?? 0)
      let sizes = PassSizes(
        tasks: tasks, modelCount: modelCount, stripElements: stripElements,
        writesFrames: frames.isWriting, readsFrames: frames.isReading)
      let rows = needs.rows?.count(sizes) ?? 0
      // The passes follow each other, so a lane holds the tables of one of them at a time.
      // What transforms leave is counted, and packed behind that by others.
      let chains = frames.isWriting && !needs.transforms.isEmpty ? 2 : 1
      tableBytes =
        (passes.map { $0.workerBytes(sizes) }.max() ?? 0) + chains * (blocks + custom + rows)
      scatterBytes =
        tasks.contains { $0.outputView != nil }
        ? MergePass.writerCount * OutputFile.stridedScratchByteCount : 0
      indexBytes =
        tasks.count * (TensorTask.byteCount + 160 + modelCount * 160)
        + Shape.listBytes(tasks, modelCount: modelCount)
        + StripRecords.indexByteCount(stripCount: strips, modelCount: modelCount)
        + MemoryPlan.progressByteCount(stripCount: strips, modelCount: modelCount)
        + 2 * strips * ChangeFigures.byteCount(modelCount: modelCount)
        + passes.reduce(0) { $0 + $1.unitBytes(sizes) }
      // Once in what was read of the journal, once for the report.
      normBytes = 2 * DeltaNorms.byteCount(stripCount: strips, modelCount: modelCount)
    }

    /// What of a source decides how much is read of it at once.
    private struct Kind: Hashable {
      let dtype: DType?
      let isStrided: Bool
      let isStored: Bool
      let isComputed: Bool

      init(_ source: TensorSource?) {
        dtype = source?.dtype
        isStrided = source?.view != nil
        isStored = source?.isStored ?? false
        isComputed = source?.computed != nil
      }
    }

    /// Only what can be the largest chunk matters: one task for each combination of dtypes and of
    /// what is read in place.
    private static func largest(_ tasks: [TensorTask]) -> [TensorTask] {
      var distinct: [[Kind]: TensorTask] = [:]
      var last: TensorTask?
      for task in tasks {
        // Of ten thousands of tensors most are as the one before.
        if let last, last.elementCount >= task.elementCount, isSame(last, task) { continue }
        let key = [Kind(task.base)] + task.fineTuned.map { Kind($0) }
        last = task
        if let other = distinct[key], other.elementCount >= task.elementCount {
          last = other
        } else {
          distinct[key] = task
        }
      }
      return Array(distinct.values)
    }

    private static func isSame(_ a: TensorTask, _ b: TensorTask) -> Bool {
      // Of plain sources the type is all.
      guard a.hasStridedSource || b.hasStridedSource else {
        return a.base.dtype == b.base.dtype
          && a.fineTuned.indices.allSatisfy { a.fineTuned[$0]?.dtype == b.fineTuned[$0]?.dtype }
      }
      return Kind(a.base) == Kind(b.base)
        && a.fineTuned.indices.allSatisfy { Kind(a.fineTuned[$0]) == Kind(b.fineTuned[$0]) }
    }

    /// What headers, the layout of the output, the statistics and the report hold of each tensor, as
    /// measured (`scripts/attacks known`): some 600 bytes, and its name once in each of the run's own
    /// lists and twice for each model.
    private static func listBytes(_ tasks: [TensorTask], modelCount: Int) -> Int {
      tasks.reduce(0) { sum, task in
        let matched = task.fineTuned.reduce(task.base.matched?.byteCount ?? 0) {
          $0 + ($1?.matched?.byteCount ?? 0)
        }
        return sum + 600 + task.name.utf8.count * (4 + 2 * modelCount) + matched
      }
    }

    func least(_ largest: Int) -> ByteCount {
      var shape = self
      // Factors in the smallest pieces, too.
      shape.memory = 0
      let chunk = min(largest, Granularity.grainElements)
      return ByteCount(shape.plan(lanes: 1, chunkElements: chunk).totalBytes)
    }

    var largestUsefulChunk: Int {
      let grain = Granularity.grainElements
      let rounded = (max(largestElementCount, 1) + grain - 1) / grain * grain
      // Of a layer that is scattered over its file, what is read at once is a piece of each column:
      // the more rows, the longer.
      let scattered = scatterBytes > 0 ? MemoryPlan.scatteredChunkElements : 0
      // Deltas that are computed should still be in the cache when they are worked on.
      guard factors.isEmpty else { return min(rounded, MemoryPlan.preferredChunkElements(.pread)) }
      return min(rounded, max(MemoryPlan.preferredChunkElements(input), scattered))
    }

    /// The plan for a number of lanes and a size of chunks; no merged bytes wait for a writer if the budget has no
    /// room for that.
    ///
    /// - Parameters:
    ///   - lanes: The number of lanes.
    ///   - chunkElements: The number of elements in a chunk.
    ///   - gathers: Whether buffers have room for several small tensors, as they are read and merged.
    /// - Returns: The plan.
    func plan(lanes: Int, chunkElements: Int, gathers: Bool = false) -> MemoryPlan {
      let plan = plan(lanes, chunkElements, gathers, waitingBuffers: 1)
      guard plan.totalBytes > memory else { return plan }
      return self.plan(lanes, chunkElements, gathers, waitingBuffers: 0)
    }

    private func plan(
      _ lanes: Int, _ chunkElements: Int, _ gathers: Bool, waitingBuffers: Int
    ) -> MemoryPlan {
      let chunkBytes = tasks.map { chunkByteCount($0, chunkElements, gathers) }.max() ?? 0
      let room = factors.room(chunkElements: chunkElements, limit: memory / (4 * lanes))
      return MemoryPlan(
        lanes: lanes, chunkElements: chunkElements, chunkBytes: chunkBytes,
        framesBytes: frames.isReading && input == .direct
          ? ReadStage.framesByteCount(modelCount: modelCount, chunkElements: chunkElements) : 0,
        chunksPerLane: edge.chunksPerLane,
        tableBytes: tableBytes + (room.map { $0.byteCount + ComputedRuns.byteCount } ?? 0),
        factorRoom: room,
        outputBuffers: lanes + MergePass.writerCount + waitingBuffers,
        outputBufferBytes: outputBufferBytes(chunkElements: chunkElements, gathers: gathers),
        frameBuffers: frames.isWriting ? lanes + 2 : 0,
        indexBytes: indexBytes + scatterBytes + factors.sharedByteCount
          + (factors.isEmpty ? 0 : normBytes))
    }

    /// The bytes that are read at once: of a chunk, or of neighbours that have as many elements as chunks where they
    /// are large.
    private func chunkByteCount(_ task: TensorTask, _ chunkElements: Int, _ gathers: Bool) -> Int {
      let chunk = ReadStage.chunkByteCount(task, chunkElements: chunkElements)
      guard gathers, input == .pread else { return chunk }
      let count = min(elementCount, MemoryPlan.preferredChunkElements(.pread))
      return max(chunk, ReadStage.byteCount(of: count, like: task))
    }

    /// Room for several chunks, or for one where memory is so short that chunks are small.
    private func outputBufferBytes(chunkElements: Int, gathers: Bool) -> Int {
      let chunk = min(chunkElements, max(largestElementCount, 1)) * widestOutput
      let all = gathers ? outputBytes : max(largestElementCount, 1) * widestOutput
      let preferred =
        scatterBytes > 0 && chunkElements > MemoryPlan.goodChunkElements
        ? ChunkOutput.scatteredByteCount : ChunkOutput.preferredByteCount
      let isShort = chunkElements < min(MemoryPlan.goodChunkElements, largestElementCount)
      let isSmall = chunkElements < MemoryPlan.goodChunkElements && !gathers
      let whole = isShort || isSmall ? chunk : max(chunk, min(all, preferred))
      return (whole + ChunkOutput.alignmentSlack + 4095) & ~4095
    }
  }
}

extension MemoryPlan {
  /// About the bytes that it takes in memory when all is finished.
  fileprivate static func progressByteCount(stripCount: Int, modelCount: Int) -> Int {
    // Keys and values of the tables, which are up to half empty.
    stripCount * (256 + 4 * modelCount * MemoryLayout<StripRecords.Slot>.stride)
  }
}
