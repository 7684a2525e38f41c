internal import SluiceCore
public import SluiceDataflow
internal import SluiceFormats
internal import SluiceStages

/// What all passes of a run share.
struct RunContext: Sendable {
  var plan: MergePlan
  let cancellation: Cancellation
  let progress: ProgressMeter
  let budget: ByteBudget
  let work: MergeWork
  /// Whether what was read is taken out of the page cache, since it would not stay there anyway.
  let dropsCachedPages: Bool
}

/// One pass over tensors: lanes of a reader and a worker each, and, if the pass writes, two writers.
///
///     read 1 --chunks--> work 1 --+                 +--> write 1
///     read 2 --chunks--> work 2 --+--merged chunks--+--> write 2
struct LanePass {
  /// Two writes on their way keep a disk busier than one.
  static let writerCount = 2

  let name: String
  let tasks: [TensorTask]
  let context: RunContext
  /// Whether the strip of an ordinal needs no work, since an earlier attempt has done it.
  let isFinished: @Sendable (Int) -> Bool

  /// Runs a pass that only reads.
  func run(
    didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSegment: @escaping @Sendable (NodeContext) -> any LaneSegment
  ) throws -> PassMetrics {
    try run(writing: nil, didEnd: didEnd) { context, _ in makeSegment(context) }
  }

  /// Runs a pass that writes.
  func run(
    writing shards: OutputShards,
    _ makeSegment: @escaping @Sendable (ChunkOutput) -> any LaneSegment
  ) throws -> PassMetrics {
    let ledger = context.work.ledger()
    let memory = context.plan.memory
    let lease = try context.budget.acquire(memory.outputBuffers * memory.outputBufferBytes)
    defer { lease.release() }
    let pool = try BufferPool(
      count: memory.outputBuffers, byteCount: memory.outputBufferBytes,
      cancellation: context.cancellation)
    let channel = BoundedChannel<WriteJob>(
      capacity: memory.outputBuffers, cancellation: context.cancellation, name: "merged")
    let output = (stage: WriteStage(shards, ledger: ledger), channel: channel)
    return try run(writing: output, didEnd: { _ in }) { node, _ in
      makeSegment(ChunkOutput(context: node, pool: pool, channel: channel, ledger: ledger))
    }
  }

  private func run(
    writing output: (stage: WriteStage, channel: BoundedChannel<WriteJob>)?,
    didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSegment: @escaping @Sendable (NodeContext, Int) -> any LaneSegment
  ) throws -> PassMetrics {
    let graph = Graph(cancellation: context.cancellation)
    let plan = context.plan
    let stage = ReadStage(
      queue: StripQueue(tasks, granularity: plan.granularity, isFinished: isFinished),
      files: plan.files, mode: plan.options.io, granularity: plan.granularity,
      dropsCachedPages: context.dropsCachedPages)
    for lane in 1...plan.memory.lanes {
      try addLane(
        lane, to: graph, stage: stage, output: output?.channel, didEnd: didEnd, makeSegment)
    }
    if let output {
      for writer in 1...LanePass.writerCount {
        graph.add("write \(writer)", .sink, reads: [output.channel]) { [context] node in
          try output.stage.run(node, from: output.channel) { byteCount in
            context.progress.advance(by: byteCount)
            context.work.meter.countWritten(byteCount)
          }
        }
      }
    }
    do {
      let metrics = PassMetrics(name: name, tensorCount: tasks.count, run: try graph.run())
      try plan.checkInputs()
      return metrics
    } catch let error where !(error is CancelledError) {
      // What a changed file led to is less to the point than that it changed.
      try plan.checkInputs()
      throw error
    }
  }

  private func addLane(
    _ lane: Int, to graph: Graph, stage: ReadStage, output: BoundedChannel<WriteJob>?,
    didEnd: @escaping @Sendable (Strip) -> Void,
    _ makeSegment: @escaping @Sendable (NodeContext, Int) -> any LaneSegment
  ) throws {
    let memory = context.plan.memory
    let budget = try context.budget.reserve(memory.laneBytes)
    let tables = try context.budget.reserve(memory.tableBytes)
    let pool =
      context.plan.options.io == .pread
      ? try BufferPool(
        count: ReadStage.chunksPerLane, byteCount: memory.chunkBytes,
        cancellation: context.cancellation) : nil
    let channel = BoundedChannel<Chunk>(
      capacity: 1, cancellation: context.cancellation, name: "chunks \(lane)")
    let (progress, meter) = (context.progress, context.work.meter)
    graph.add("read \(lane)", .source, writes: [channel]) { node in
      try stage.run(node, budget: budget, pool: pool, to: channel)
    }
    graph.add(
      "work \(lane)", .stage, reads: [channel], writes: output.map { [$0] } ?? []
    ) { node in
      // The tables of the lane count as leased for as long as the lane lives.
      let lease = try tables.acquire(memory.tableBytes)
      defer { lease.release() }
      let segment = makeSegment(node, lane)
      while let chunk = try node.receive(from: channel) {
        if chunk.isFirst { try segment.begin(chunk.strip) }
        try segment.process(chunk)
        try chunk.checkReadable()
        if chunk.isLast {
          try segment.end(chunk.strip)
          didEnd(chunk.strip)
        }
        progress.advance(by: chunk.inputByteCount)
        meter.countRead(chunk.inputByteCount)
      }
    }
  }
}

/// What a pass did.
public struct PassMetrics: Sendable {
  /// The name of the pass.
  public let name: String
  /// How many tensors it looked at.
  public let tensorCount: Int
  /// The bytes that it wrote to intermediate files.
  public var bytesSpilled = 0
  /// What its nodes and channels did.
  public let run: GraphRun
}

extension Chunk {
  /// The bytes that were read for the chunk.
  var inputByteCount: Int {
    ([base] + fineTuned).reduce(0) { sum, run in
      sum + (run.map { $0.elementCount * ($0.dtype.byteCount ?? 1) } ?? 0)
    }
  }
}
