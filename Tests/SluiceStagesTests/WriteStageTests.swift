import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Writing chunks") struct WriteStageTests {
  /// A tensor whose output bytes are known: its own BF16 weights, copied.
  private struct Copied {
    let tensor: HandMadeTensor
    let bytes: [UInt8]

    init(_ count: Int, outputOffset: Int, shard: Int = 0) throws {
      let base = HandMadeTensor.Model(.bf16, count: count, seed: 41)
      bytes = base.bytes
      tensor = try HandMadeTensor(
        base: base, tuned: [], role: .copied, outputShard: shard, outputOffset: outputOffset)
    }

    var sum: BlockSum {
      var sum = BlockSum()
      bytes.withUnsafeBytes { sum.add($0, firstElement: 0, dtype: .bf16) }
      return sum
    }

    /// Emits all chunks, strip by strip.
    func emit(to output: ChunkOutput, strip: Int, on node: NodeContext) throws {
      try tensor.read(.pread, strip: strip, on: node) { chunk in
        if chunk.isFirst { output.begin(chunk.strip) }
        let room = try output.reserve(chunk, byteCount: chunk.elements.count * 2)
        #expect(room.bytes.count == chunk.elements.count * 2)
        if let run = chunk.base {
          room.bytes.baseAddress?.copyMemory(from: run.bytes, byteCount: room.bytes.count)
        }
        output.commit(room, of: chunk)
        if chunk.isLast { try output.end(chunk.strip) }
      }
    }
  }

  /// What became of a strip.
  private struct Finished: Sendable {
    let strip: Strip
    let sum: BlockSum
  }

  /// The order of jobs, and where they lie in their buffers and in the file.
  private struct Job: Sendable {
    let position: Int
    let offset: Int
    let strip: Int
    let bytes: [UInt8]
  }

  @Test(
    "chunks fill buffers in order, and lie in them as they will lie in a page of the file",
    arguments: [0, 4096, 100, 4095], [1 << 16, 1 << 18])
  func buffers(outputOffset: Int, strip: Int) throws {
    let copied = try Copied(300_001, outputOffset: outputOffset)
    // A buffer of two chunks, the second of which only fits if the lead leaves room.
    let bufferByteCount = 2 * (1 << 17) + ChunkOutput.alignmentSlack
    let (jobs, finished) = (Monitor([Job]()), Monitor([Finished]()))
    let graph = Graph()
    let pool = try BufferPool(
      count: 2, byteCount: bufferByteCount, cancellation: graph.cancellation)
    let channel = BoundedChannel<WriteJob>(
      byteBound: 1, cancellation: graph.cancellation, name: "merged")
    let ledger = StripLedger { strips in
      finished.withLock { $0 += strips.map { Finished(strip: $0.strip, sum: $0.sum) } }
    }
    graph.add("lane", writes: [channel]) { node in
      let output = ChunkOutput(context: node, pool: pool, channel: channel, ledger: ledger)
      try copied.emit(to: output, strip: strip, on: node)
    }
    graph.add("sink", reads: [channel]) { node in
      while let job = try node.receive(from: channel) {
        let own = Job(
          position: job.range.lowerBound, offset: job.offset,
          strip: try #require(job.strips.first).strip, bytes: Array(job.buffer.bytes[job.range]))
        jobs.withLock { $0.append(own) }
        ledger.didWrite(job.strips)
      }
    }
    try graph.run()
    var next = outputOffset
    for job in jobs.withLock({ $0 }) {
      #expect(job.offset == next)
      #expect(job.position == job.offset % ShardLayout.alignment)
      #expect(job.strip == (job.offset - outputOffset) / (strip * 2))
      next += job.bytes.count
    }
    let isSame = jobs.withLock { $0.flatMap(\.bytes) } == copied.bytes
    #expect(isSame)
    // A strip's last buffer is not shared with the next strip.
    let perStrip = Dictionary(grouping: jobs.withLock { $0 }, by: \.strip).mapValues(\.count)
    #expect(perStrip[0] == (strip == 1 << 16 ? 1 : 2))
    #expect(finished.withLock { $0.map(\.strip.ordinal) } == Array(0..<(300_000 / strip + 1)))
    var sum = BlockSum()
    for strip in finished.withLock({ $0 }) { sum.add(strip.sum) }
    #expect(sum == copied.sum)
  }

  @Test("a strip is finished once it is both merged and written, whichever is last")
  func ledger() throws {
    let copied = try Copied(100, outputOffset: 0)
    let granularity = Granularity(stripElements: 1 << 16, chunkElements: 1 << 16)
    let strip = Strip(copied.tensor.task, index: 0, granularity: granularity)
    for writtenLast in [true, false] {
      let finished = Monitor(0)
      let ledger = StripLedger { strips in
        #expect(strips.allSatisfy { $0.sum == copied.sum })
        finished.withLock { $0 += strips.count }
      }
      if writtenLast { ledger.didMerge([(strip, copied.sum)]) }
      ledger.didWrite([StripShare(strip: 0, byteCount: 150)])
      #expect(finished.withLock { $0 } == 0)
      ledger.didWrite([StripShare(strip: 0, byteCount: 50)])
      if !writtenLast {
        #expect(finished.withLock { $0 } == 0)
        ledger.didMerge([(strip, copied.sum)])
      }
      #expect(finished.withLock { $0 } == 1)
    }
  }

  @Test("two writers put every byte in its place, whatever the order of shards and tensors")
  func shards() throws {
    let directory = try ScratchDirectory()
    let counts = [70_000, 3, 200_001, 4096]
    let layout = try ShardLayout.plan(
      try counts.enumerated().map {
        PlannedTensor(name: "t\($0)", dtype: .bf16, shape: try #require(TensorShape([$1])))
      }, shardByteLimit: 150_000)
    #expect(layout.shards.count > 1)
    let shards = OutputShards(layout, in: directory.path)
    let written = Monitor(0)
    for shard in layout.shards.indices.reversed() {
      for entry in layout.shards[shard].tensors.reversed() {
        let copied = try Copied(
          entry.shape.elementCount, outputOffset: entry.byteRange.lowerBound, shard: shard)
        let graph = Graph()
        let pool = try BufferPool(
          count: 3, byteCount: 1 << 18, cancellation: graph.cancellation)
        let channel = BoundedChannel<WriteJob>(
          byteBound: 2, cancellation: graph.cancellation, name: "merged")
        let ledger = StripLedger { _ in }
        graph.add("lane", writes: [channel]) { node in
          let output = ChunkOutput(context: node, pool: pool, channel: channel, ledger: ledger)
          try copied.emit(to: output, strip: 1 << 16, on: node)
        }
        for writer in 1...2 {
          graph.add("write \(writer)", reads: [channel]) { node in
            try WriteStage(shards, ledger: ledger).run(node, from: channel) { count in
              written.withLock { $0 += count }
            }
          }
        }
        try graph.run()
      }
    }
    try shards.finish()
    try shards.publish(in: directory.path)
    #expect(written.withLock { $0 } == layout.tensorByteCount)
    for shard in layout.shards {
      let file = try directory.read(shard.fileName)
      #expect(file.count == shard.byteCount)
      #expect(file.starts(with: shard.header))
      for entry in shard.tensors {
        let expected = try Copied(entry.shape.elementCount, outputOffset: 0).bytes
        let isSame = Array(file[entry.byteRange]) == expected
        #expect(isSame, "\(entry.name)")
      }
      // As any loader sees it.
      let opened = try SafetensorsFile.open(directory(shard.fileName))
      #expect(opened.header.tensors.map(\.byteRange) == shard.tensors.map(\.byteRange))
    }
  }
}
