internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What all passes of a run share.
struct RunContext: Sendable {
  var plan: TensorPlan
  let cancellation: Cancellation
  var progress: ProgressMeter
  let budget: ByteBudget
  let work: MergeWork
  /// Whether what was read is taken out of the page cache, since it would not stay there anyway.
  let dropsCachedPages: Bool
  /// Where strips are read from frames, if there are any.
  var packed: ReadStage.PackedReading
  /// The memory of what is known of the tensors, for as long as the context is used.
  private let catalogue: ByteLease

  init(
    _ plan: TensorPlan, work: MergeWork, kernels: Kernels, progress: ProgressMeter,
    cancellation: Cancellation
  ) throws {
    self.plan = plan
    self.work = work
    self.progress = progress
    self.cancellation = cancellation
    budget = ByteBudget(limit: plan.memory.totalBytes)
    catalogue = try budget.acquire(plan.memory.indexBytes)
    dropsCachedPages = plan.inputsExceedCache
    packed = plan.packedReading(kernels)
  }
}

/// One pass over tensors: lanes, and, if the pass writes, two writers.
///
///     read 1 ==chunks==> lane 1 --+                 +--> write 1
///     read 2 ==chunks==> lane 2 --+--merged bytes---+--> write 2
///
/// Where the edge before a lane is fused, the lane reads for itself. A pass with second looks has a
/// writer of frames in their place.
struct LanePass {
  let pass: any TensorPass
  let tasks: [TensorTask]
  var context: RunContext
  /// Whether the strip of an ordinal needs no work, since an earlier attempt has done it.
  let isFinished: @Sendable (Int) -> Bool
  let kernels: Kernels
  /// What is done to the deltas before the sink.
  var transforms = TransformChain.empty
  /// Where is noted how much adapters change, if the pass looks at that.
  var norms: DeltaNorms?
  /// The second looks of the pass, if it has any.
  var repacking: Repacking?

  /// Runs a pass that only reads.
  func run(
    didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSink: @escaping @Sendable () -> any TileSink
  ) throws -> PassMetrics {
    guard let repacking else {
      return try run(writing: nil, frames: nil, didEnd: didEnd) { _ in (makeSink(), nil) }
    }
    let lease = try context.budget.acquire(context.plan.memory.frameBuffersByteCount)
    defer { lease.release() }
    let pool = try BufferPool(
      count: context.plan.memory.frameBuffers, byteCount: FrameOutput.bufferByteCount,
      cancellation: context.cancellation)
    let channel = BoundedChannel<FrameJob>(
      byteBound: context.plan.memory.frameBuffersByteCount, cancellation: context.cancellation,
      name: "frames")
    let modelCount = context.plan.modelCount
    let limit = context.plan.options.spillLimit?.bytes ?? .max
    let spill = context.plan.spill
    return try run(writing: nil, frames: channel, didEnd: didEnd) { [kernels] node in
      let output = FrameOutput(
        context: node, pool: pool, channel: channel, store: repacking.store, byteLimit: limit)
      return (
        makeSink(),
        SpillSink(
          modelCount: modelCount, floors: { repacking.floors(of: $0) }, output: output,
          store: repacking.store, codec: repacking.codec, sumsBase: spill.isStore,
          keepsTransformed: spill.holdsDeltas, kernels: kernels)
      )
    }
  }

  /// Runs a pass that writes.
  func run(
    writing shards: any OutputPlaces,
    _ makeSink: @escaping @Sendable (ChunkOutput) -> any TileSink
  ) throws -> PassMetrics {
    let ledger = context.work.ledger()
    let memory = context.plan.memory
    let lease = try context.budget.acquire(memory.outputBuffersByteCount)
    defer { lease.release() }
    let pool = try BufferPool(
      count: memory.outputBuffers, byteCount: memory.outputBufferBytes,
      cancellation: context.cancellation)
    let channel = BoundedChannel<WriteJob>(
      byteBound: memory.outputBuffers * memory.outputBufferBytes,
      cancellation: context.cancellation, name: "merged")
    let output = (stage: WriteStage(shards, ledger: ledger), channel: channel)
    return try run(writing: output, frames: nil, didEnd: { _ in }) { node in
      (makeSink(ChunkOutput(context: node, pool: pool, channel: channel, ledger: ledger)), nil)
    }
  }

  /// The sink of each visit of a lane.
  private typealias Sinks = (first: any TileSink, second: (any TileSink)?)

  private func run(
    writing output: (stage: WriteStage, channel: BoundedChannel<WriteJob>)?,
    frames: BoundedChannel<FrameJob>?,
    didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSinks: @escaping @Sendable (NodeContext) -> Sinks
  ) throws -> PassMetrics {
    let graph = PassGraphRun(cancellation: context.cancellation)
    let plan = context.plan
    let queue = StripQueue(
      tasks, granularity: plan.granularity, cancellation: context.cancellation,
      revisited: repacking?.ordinals ?? [], isFinished: isFinished)
    let keptLease = try context.budget.acquire(
      repacking == nil ? 0 : plan.memory.keptChunksByteCount)
    defer { keptLease.release() }
    let kept = try repacking == nil ? nil : keptChunks()
    try repacking?.begin(queue)
    let stage = ReadStage(
      queue: queue, files: plan.files, mode: plan.input.mode, granularity: plan.granularity,
      dropsCachedPages: context.dropsCachedPages, packed: context.packed,
      deltas: plan.deltas.map { ($0, kernels) }, kept: kept)
    let outputs: [any GraphChannel] =
      (output.map { [$0.channel] } ?? []) + (frames.map { [$0] } ?? [])
    let lanes = plan.memory.lanes * plan.memory.laneBytes
    let lease = try context.budget.acquire(lanes)
    defer { lease.release() }
    for lane in 1...plan.memory.lanes {
      try addLane(
        lane, to: graph, stage: stage, outputs: outputs,
        kept: kept, didEnd: didEnd, makeSinks)
    }
    if let frames, let repacking { addFrameWriter(to: graph, frames, repacking) }
    if let output {
      for writer in 1...MergePass.writerCount {
        graph.add(.writer, writer, reads: [output.channel]) { [context] node in
          try output.stage.run(node, from: output.channel) { byteCount in
            context.progress.advance(by: byteCount)
            context.work.meter.countWritten(byteCount)
          }
        }
      }
    }
    do {
      let metrics = try graph.run(pass, tensorCount: tasks.count)
      try plan.checkInputs()
      return metrics
    } catch let error where !(error is CancelledError) {
      // What a changed file led to is less to the point than that it changed.
      try plan.checkInputs()
      throw error
    }
  }

  /// Room for what is looked at twice, if there is any.
  private func keptChunks() throws -> KeptChunks? {
    let memory = context.plan.memory
    guard memory.keptChunks > 0 else { return nil }
    return KeptChunks(
      try BufferPool(
        count: memory.keptChunks, byteCount: memory.chunkBytes,
        cancellation: context.cancellation))
  }

  private func addFrameWriter(
    to graph: PassGraphRun, _ frames: BoundedChannel<FrameJob>, _ repacking: Repacking
  ) {
    let stage = SpillWriteStage(repacking.store)
    graph.add(.frameWriter, nil, reads: [frames]) { [context] node in
      try stage.run(
        node, from: frames, didWrite: { context.work.meter.countWritten($0) },
        didEnd: { context.work.didSpill($0) })
    }
  }

  private func addLane(
    _ lane: Int, to graph: PassGraphRun, stage: ReadStage, outputs: [any GraphChannel],
    kept: KeptChunks?, didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSinks: @escaping @Sendable (NodeContext) -> Sinks
  ) throws {
    let memory = context.plan.memory
    let frames = context.packed.needsBuffers ? memory.framesBytes : 0
    let pool =
      stage.usesBuffers
      ? try BufferPool(
        count: memory.chunksPerLane, byteCount: max(memory.chunkBytes + frames, 1),
        cancellation: context.cancellation) : nil
    let (progress, meter, repacking) = (context.progress, context.work.meter, repacking)
    let names = context.plan.modelNames
    graph.connect(
      context.plan.chunkContract(keepsChunks: repacking != nil), ReadEdge.name,
      from: .reader, to: .lane, lane, writes: outputs,
      produce: { node, pass in try stage.run(node, pool: pool, pass: pass) }
    ) { [kernels, transforms, norms] node in
      let sinks = makeSinks(node)
      let first = FusedStages(
        modelNames: names, transforms: transforms, kernels: kernels, sink: sinks.first,
        norms: norms)
      // The second visit keeps deltas as they are, or as it is said that stages leave them.
      let second = sinks.second.map { FusedStages(sharing: first, sink: $0) }
      var counted: [Strip] = []
      return { (chunk: Chunk) in
        let isFirst = chunk.strip.look == .first
        let unpacked = try chunk.unpack()
        node.count(bytes: unpacked)
        try (isFirst ? first : second ?? first).take(chunk)
        progress.advance(by: chunk.byteCount)
        // What is looked at again lies in memory.
        guard isFirst else { return }
        meter.countRead(chunk.readByteCount + unpacked)
        kept?.keep(chunk)
        guard chunk.isLast else { return }
        counted.append(chunk.strip)
        guard chunk.strip.isAwaited else { return }
        for strip in counted { didEnd(strip) }
        counted.removeAll(keepingCapacity: true)
        guard var again = try repacking?.didSurvey(chunk.strip, kept), let second else { return }
        again.reverse()
        // Each gives its memory back as soon as it is done.
        while let chunk = again.popLast() {
          try second.take(chunk)
          progress.advance(by: chunk.byteCount)
        }
        kept?.didFinish()
      }
    }
  }
}
