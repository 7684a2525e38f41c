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
  /// The memory of what is known of the tensors, and of frames that stay there, for as long as the context is used.
  private let lasting: ByteLease

  init(
    _ plan: TensorPlan, work: MergeWork, kernels: Kernels, progress: ProgressMeter,
    cancellation: Cancellation
  ) throws {
    self.plan = plan
    self.work = work
    self.progress = progress
    self.cancellation = cancellation
    budget = ByteBudget(limit: plan.memory.totalBytes)
    lasting = try budget.acquire(plan.memory.indexBytes + plan.memory.heldFramesByteCount)
    dropsCachedPages = plan.inputsExceedCache
    packed = plan.packedReading(kernels)
  }
}

/// One pass over tensors: lanes, and, if the pass writes, writers.
///
///     read 1 ==chunks==> lane 1 --+                 +--> write 1
///     read 2 ==chunks==> lane 2 --+--merged bytes---+--> write 2
///
/// Where the edge before a lane is fused, the lane reads for itself. A pass that packs what it counts has a
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
  /// What the pass packs of what it counts, if it does.
  var packing: Packing?

  /// Runs a pass that only reads.
  func run(
    didEnd: @escaping @Sendable ([Strip]) -> Void,
    _ makeSink: @escaping @Sendable (FloorForecast?) -> any TileSink
  ) throws -> PassMetrics {
    guard let packing else {
      return try run(writing: nil, frames: nil, didEnd: didEnd) { _ in (makeSink(nil), nil) }
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
        context: node, pool: pool, channel: channel, store: packing.store, byteLimit: limit)
      let forecast = packing.forecast()
      return (
        makeSink(forecast),
        SpillSink(
          modelCount: modelCount, floors: { packing.floors(of: $0) }, forecast: forecast,
          output: output, store: packing.store, codec: packing.codec, sumsBase: spill.isStore,
          keepsTransformed: spill.holdsDeltas, kernels: kernels,
          didPack: { packing.repeats?.didPack($0, $1) })
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

  /// What counts or merges, and what packs.
  private typealias Sinks = (first: any TileSink, packing: (any TileSink)?)

  private func run(
    writing output: (stage: WriteStage, channel: BoundedChannel<WriteJob>)?,
    frames: BoundedChannel<FrameJob>?,
    didEnd: @escaping @Sendable ([Strip]) -> Void,
    _ makeSinks: @escaping @Sendable (NodeContext) -> Sinks
  ) throws -> PassMetrics {
    let graph = PassGraphRun(cancellation: context.cancellation)
    let plan = context.plan
    let queue = StripQueue(
      tasks, granularity: plan.granularity, cancellation: context.cancellation,
      revisited: packing?.repeats?.ordinals ?? [], isFinished: isFinished)
    try packing?.repeats?.begin(queue)
    let stage = ReadStage(
      queue: queue, files: plan.files, mode: plan.input.mode, granularity: plan.granularity,
      dropsCachedPages: context.dropsCachedPages, packed: context.packed,
      deltas: plan.deltas.map { ($0, kernels) })
    let outputs: [any GraphChannel] =
      (output.map { [$0.channel] } ?? []) + (frames.map { [$0] } ?? [])
    let lanes = plan.memory.lanes * plan.memory.laneBytes
    let lease = try context.budget.acquire(lanes)
    defer { lease.release() }
    for lane in 1...plan.memory.lanes {
      try addLane(
        lane, to: graph, stage: stage, outputs: outputs, didEnd: didEnd, makeSinks)
    }
    if let frames, let packing { addFrameWriter(to: graph, frames, packing) }
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

  private func addFrameWriter(
    to graph: PassGraphRun, _ frames: BoundedChannel<FrameJob>, _ packing: Packing
  ) {
    let stage = SpillWriteStage(packing.store)
    graph.add(.frameWriter, nil, reads: [frames]) { [context] node in
      try stage.run(
        node, from: frames, didWrite: { context.work.meter.countWritten($0) },
        didEnd: { context.work.didSpill($0) })
    }
  }

  private func addLane(
    _ lane: Int, to graph: PassGraphRun, stage: ReadStage, outputs: [any GraphChannel],
    didEnd: @escaping @Sendable ([Strip]) -> Void,
    _ makeSinks: @escaping @Sendable (NodeContext) -> Sinks
  ) throws {
    let memory = context.plan.memory
    let frames = context.packed.needsBuffers ? memory.framesBytes : 0
    let pool =
      stage.usesBuffers
      ? try BufferPool(
        count: memory.chunksPerLane, byteCount: max(memory.chunkBytes + frames, 1),
        cancellation: context.cancellation) : nil
    let (progress, meter, repeats) = (
      context.progress, context.work.meter, packing?.repeats
    )
    let names = context.plan.modelNames
    graph.connect(
      context.plan.chunkContract, ReadEdge.name,
      from: .reader, to: .lane, lane, writes: outputs,
      produce: { node, pass in try stage.run(node, pool: pool, pass: pass) }
    ) { [kernels, transforms, norms] node in
      let sinks = makeSinks(node)
      let first = FusedStages(
        modelNames: names, transforms: transforms, kernels: kernels, sink: sinks.first,
        norms: norms)
      // What is packed are deltas as they are, or as it is said that stages leave them.
      let packing = sinks.packing.map { sink in
        transforms.isEmpty
          ? FusedStages(sharing: first, sink: sink)
          : FusedStages(modelNames: names, transforms: transforms, kernels: kernels, sink: sink)
      }
      var counted: [Strip] = []
      return { (chunk: Chunk) in
        let unpacked = try chunk.unpack()
        node.count(bytes: unpacked)
        meter.countRead(chunk.readByteCount + unpacked)
        if chunk.strip.look == .second {
          let isExpected = repeats?.isKnownToCome(chunk.strip) ?? false
          try packing?.take(chunk)
          if isExpected { progress.advance(by: chunk.byteCount) }
          return
        }
        if let packing {
          try first.take(chunk, before: packing)
        } else {
          try first.take(chunk)
        }
        progress.advance(by: chunk.byteCount)
        guard chunk.isLast else { return }
        counted.append(chunk.strip)
        guard chunk.strip.isAwaited else { return }
        didEnd(counted)
        counted.removeAll(keepingCapacity: true)
        try repeats?.didSurvey(chunk.strip)
      }
    }
  }
}
