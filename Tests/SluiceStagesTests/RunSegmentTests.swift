import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Small tensors that are read at once") struct RunSegmentTests {
  /// What was seen of a chunk.
  private struct Seen: Sendable {
    let name: String
    let runs: [[UInt8]?]
    let addresses: [Int?]
    let readByteCount: Int

    init(_ chunk: Chunk) {
      let all = [chunk.base] + chunk.fineTuned
      name = chunk.strip.task.name
      runs = all.map { $0?.copied }
      addresses = all.map { run in run.map { Int(bitPattern: $0.bytes) } }
      readByteCount = chunk.readByteCount
    }
  }

  /// Two models of five tensors: where each begins in the files, and how many elements it has.
  private static let count = 1000
  private static let starts = [[0, 2000, 4000, 6001, 8001], [10, 2010, 4010, 6010, 8020]]

  private func bytes(_ model: Int) -> [UInt8] {
    HandMadeTensor.Model(.bf16, count: 6000, seed: UInt64(model)).bytes
  }

  private func tasks(without absent: Set<Int> = []) -> [TensorTask] {
    Self.starts[0].indices.map { index in
      let sources = [0, 1].map { model in
        let start = Self.starts[model][index]
        return TensorSource(
          file: model, dtype: .bf16, byteRange: start..<start + 2 * Self.count)
      }
      let tuned = absent.contains(index) ? nil : sources[1]
      return TensorTask(
        ordinal: index, name: "t\(index)", role: .linear, elementCount: Self.count,
        base: sources[0], baseElementCount: Self.count, fineTuned: [tuned],
        fineTunedElementCounts: [Self.count], outputDType: .bf16, outputShard: 0,
        outputOffset: 0, firstStrip: index)
    }
  }

  private func read(
    _ tasks: [TensorTask], buffer byteCount: Int, packed: ReadStage.PackedReading = .none,
    edge: EdgeContract = .fused, mode: InputMode = .pread
  ) throws -> [Seen] {
    let directory = try ScratchDirectory()
    let files = try [0, 1].map { model in
      try InputFile.open(try directory.write(bytes(model), to: "model\(model)"))
    }
    let granularity = Granularity(stripElements: 1 << 16, chunkElements: 1 << 16)
    let seen = Monitor([Seen]())
    let graph = Graph()
    graph.connect(
      edge, "chunks", from: "read", to: "lane",
      produce: { (node, pass: (consuming Chunk) throws -> Void) in
        let queue = StripQueue(tasks, granularity: granularity, cancellation: node.cancellation)
        let stage = ReadStage(
          queue: queue, files: files, mode: mode, granularity: granularity,
          dropsCachedPages: false, packed: packed)
        let pool =
          stage.usesBuffers
          ? try BufferPool(
            count: edge == .fused ? 1 : 2, byteCount: byteCount, cancellation: node.cancellation)
          : nil
        try stage.run(node, pool: pool, pass: pass)
      }, work: { _ in { chunk in seen.withLock { $0.append(Seen(chunk)) } } })
    try graph.run()
    return seen.withLock { $0 }
  }

  private func expectContents(_ seen: [Seen], without absent: Set<Int> = []) {
    #expect(seen.map(\.name) == Self.starts[0].indices.map { "t\($0)" })
    for (index, chunk) in seen.enumerated() {
      for model in [0, 1] {
        let isThere = model == 0 || !absent.contains(index)
        let start = Self.starts[model][index]
        let expected = Array(bytes(model)[start..<start + 2 * Self.count])
        #expect(chunk.runs[model] == (isThere ? expected : nil), "\(index) of \(model)")
      }
      #expect(chunk.readByteCount == (absent.contains(index) ? 2 : 4) * Self.count)
    }
  }

  /// The tensors that lie in the buffer as they lie in both files, right behind the one before.
  private func joined(_ seen: [Seen]) -> [Int] {
    seen.indices.dropFirst().filter { index in
      [0, 1].allSatisfy { model in
        guard let own = seen[index].addresses[model], let last = seen[index - 1].addresses[model]
        else { return false }
        return own - last == Self.starts[model][index] - Self.starts[model][index - 1]
          && own - last == 2 * Self.count
      }
    }
  }

  @Test(
    "what follows each other in all files is read at once, what does not by itself",
    arguments: [EdgeContract.fused, .queued(byteBound: 1 << 20)])
  func contents(edge: EdgeContract) throws {
    let seen = try read(tasks(), buffer: 1 << 17, edge: edge)
    expectContents(seen)
    // The fourth does not follow in the base's file, the fifth not in the other.
    #expect(joined(seen) == [1, 2])
  }

  @Test("no more is read at once than a buffer holds") func room() throws {
    // Two of 2000 bytes of each model, each model from a cache line on.
    let seen = try read(tasks(), buffer: 2 * 4032)
    expectContents(seen)
    #expect(joined(seen) == [1])
    let less = try read(tasks(), buffer: 2 * 4032 - 1)
    expectContents(less)
    #expect(joined(less) == [])
  }

  @Test("a tensor that a model lacks is read by itself") func absent() throws {
    let seen = try read(tasks(without: [1]), buffer: 1 << 17)
    expectContents(seen, without: [1])
    #expect(joined(seen) == [])
  }

  @Test("mapped files, and passes that leave models out, read tensor by tensor")
  func others() throws {
    expectContents(try read(tasks(), buffer: 1 << 17, mode: .mmap))
    let seen = try read(tasks(), buffer: 1 << 17, packed: .leftOut([0]))
    expectContents(seen, without: Set(Self.starts[0].indices))
  }
}
