internal import SluiceCore
public import SluiceDataflow
internal import SluiceFormats
internal import SluiceStages

/// What all passes of a run share.
struct RunContext: Sendable {
  let plan: MergePlan
  let cancellation: Cancellation
  let progress: ProgressMeter
  let budget: ByteBudget
  /// Whether what was read is taken out of the page cache, since it would not stay there anyway.
  let dropsCachedPages: Bool
}

/// One pass over tensors: lanes of a reader and a worker each, and, if the pass writes, one writer.
///
///     read 1 --chunks--> work 1 --+
///     read 2 --chunks--> work 2 --+--merged chunks--> write
struct LanePass {
  let name: String
  let tasks: [TensorTask]
  let context: RunContext

  /// Runs a pass that only reads.
  func run(
    _ makeSegment: @escaping @Sendable (NodeContext) -> any LaneSegment
  ) throws -> PassMetrics {
    try run(writing: nil, didWrite: { _ in }) { context, _ in makeSegment(context) }
  }

  /// Runs a pass that writes.
  func run(
    writing shards: OutputShards, sums: OutputSums, didWrite: @escaping @Sendable (Int) -> Void,
    _ makeSegment: @escaping @Sendable (ChunkOutput) -> any LaneSegment
  ) throws -> PassMetrics {
    let memory = context.plan.memory
    let lease = try context.budget.acquire(memory.outputBuffers * memory.outputBufferBytes)
    defer { lease.release() }
    let pool = try BufferPool(
      count: memory.outputBuffers, byteCount: memory.outputBufferBytes,
      cancellation: context.cancellation)
    let channel = BoundedChannel<WriteJob>(
      capacity: memory.outputBuffers, cancellation: context.cancellation, name: "merged")
    return try run(writing: (shards, channel), didWrite: didWrite) { node, _ in
      makeSegment(ChunkOutput(context: node, pool: pool, channel: channel, sums: sums))
    }
  }

  private func run(
    writing output: (shards: OutputShards, channel: BoundedChannel<WriteJob>)?,
    didWrite: @escaping @Sendable (Int) -> Void,
    _ makeSegment: @escaping @Sendable (NodeContext, Int) -> any LaneSegment
  ) throws -> PassMetrics {
    let graph = Graph(cancellation: context.cancellation)
    let plan = context.plan
    let stage = ReadStage(
      queue: StripQueue(tasks, granularity: plan.granularity), files: plan.files,
      mode: plan.options.io, granularity: plan.granularity,
      dropsCachedPages: context.dropsCachedPages)
    for lane in 1...plan.memory.lanes {
      try addLane(lane, to: graph, stage: stage, output: output?.channel, makeSegment)
    }
    if let output {
      graph.add("write", .sink, reads: [output.channel]) { node in
        try WriteStage(output.shards).run(node, from: output.channel, didWrite: didWrite)
      }
    }
    return PassMetrics(name: name, tensorCount: tasks.count, run: try graph.run())
  }

  private func addLane(
    _ lane: Int, to graph: Graph, stage: ReadStage, output: BoundedChannel<WriteJob>?,
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
    let progress = context.progress
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
        if chunk.isLast { try segment.end(chunk.strip) }
        progress.advance(by: chunk.inputByteCount)
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
