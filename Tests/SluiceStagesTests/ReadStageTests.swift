import Glibc
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Reading chunks") struct ReadStageTests {
  /// What was seen of a chunk.
  private struct Seen: Sendable {
    var elements: Range<Int>
    var isFirst: Bool
    var isLast: Bool
    var base: [UInt8]?
    var tuned: [[UInt8]?]
    var readByteCount: Int

    init(_ chunk: Chunk) {
      elements = chunk.elements
      (isFirst, isLast) = (chunk.isFirst, chunk.isLast)
      base = chunk.base?.copied
      tuned = chunk.fineTuned.map { $0?.copied }
      readByteCount = chunk.readByteCount
    }
  }

  private func expectAll(
    _ seen: [Seen], of models: [HandMadeTensor.Model?], elementCount: Int, strip: Int, chunk: Int
  ) {
    var expected: [(Range<Int>, Bool, Bool)] = []
    for first in stride(from: 0, to: max(elementCount, 1), by: strip) {
      let end = min(first + strip, elementCount)
      for start in stride(from: first, to: max(end, first + 1), by: chunk) {
        expected.append((start..<min(start + chunk, end), start == first, start + chunk >= end))
      }
    }
    #expect(seen.map(\.elements) == expected.map(\.0))
    #expect(seen.map(\.isFirst) == expected.map(\.1))
    #expect(seen.map(\.isLast) == expected.map(\.2))
    for chunk in seen {
      var byteCount = 0
      for (model, run) in zip(models, [chunk.base] + chunk.tuned) {
        guard let model, model.elementCount > chunk.elements.lowerBound, !chunk.elements.isEmpty
        else {
          #expect(run == nil)
          continue
        }
        let width = model.dtype.bitCount / 8
        let end = min(chunk.elements.upperBound, model.elementCount)
        let own = model.bytes[chunk.elements.lowerBound * width..<end * width]
        let isSame = run == Array(own)
        #expect(isSame, "\(chunk.elements)")
        byteCount += own.count
      }
      #expect(chunk.readByteCount == byteCount)
    }
  }

  @Test(
    "every model's elements come strip by strip and chunk by chunk, at any alignment",
    arguments: InputMode.allCases, [0, 1, 65536, 65537, 200_001])
  func contents(mode: InputMode, count: Int) throws {
    let models: [HandMadeTensor.Model?] = [
      .init(.bf16, count: count, seed: 1), .init(.f32, count: count, seed: 2), nil,
      .init(.f16, count: count, seed: 3),
    ]
    let tensor = try HandMadeTensor(
      base: try #require(models[0]), tuned: Array(models.dropFirst()))
    for (strip, chunk) in [(1 << 16, 1 << 16), (1 << 17, 1 << 16), (1 << 18, 1 << 17)] {
      for edge in [EdgeContract.fused, .queued(byteBound: 1), .queued(byteBound: 2 << 20)] {
        let seen = try tensor.read(mode, strip: strip, chunk: chunk, edge: edge, Seen.init)
        expectAll(seen, of: models, elementCount: count, strip: strip, chunk: chunk)
      }
    }
  }

  @Test("chunks that wait in a channel hold no more than its bound", arguments: InputMode.allCases)
  func bound(mode: InputMode) throws {
    let tensor = try HandMadeTensor(
      base: .init(.bf16, count: 300_001, seed: 1), tuned: [.init(.f32, count: 300_001, seed: 2)])
    let chunkBytes = ReadStage.chunkByteCount(tensor.task, chunkElements: 1 << 16)
    #expect(chunkBytes >= (1 << 16) * 6)
    let graph = Graph()
    let whole = Monitor(0)
    graph.connect(
      .queued(byteBound: 2 * chunkBytes), "chunks", from: "read", to: "lane",
      produce: { node, pass in try tensor.read(mode, buffers: 4, on: node, pass) },
      work: { _ in
        { (chunk: Chunk) in
          #expect(chunk.heldByteCount <= chunkBytes && chunk.byteCount <= chunk.heldByteCount)
          whole.withLock { $0 += chunk.byteCount }
        }
      })
    let edge = try #require(try graph.run().edges.first)
    #expect(edge.elementCount == 5)
    #expect(edge.byteCount == 300_001 * 6 && whole.withLock { $0 } == edge.byteCount)
    #expect(edge.peakByteCount <= 2 * chunkBytes)
  }

  @Test("a model that is shorter ends where it ends", arguments: InputMode.allCases)
  func shorter(mode: InputMode) throws {
    let count = 140_000
    let models: [HandMadeTensor.Model?] = [
      .init(.bf16, count: 70_001, seed: 1), .init(.bf16, count: count, seed: 2),
      .init(.bf16, count: 65536, seed: 3),
    ]
    let tensor = try HandMadeTensor(
      elementCount: count, base: try #require(models[0]), tuned: Array(models.dropFirst()))
    let seen = try tensor.read(mode, Seen.init)
    expectAll(seen, of: models, elementCount: count, strip: 1 << 16, chunk: 1 << 16)
    // What all models have is no more than what was read, and the last chunk has one model left.
    #expect(seen.last?.base == nil && seen.last?.tuned[1] == nil)
    #expect(seen.last?.tuned[0]?.count == (count - 131_072) * 2)
  }

  @Test(
    "a matrix that lies column by column is read row by row",
    arguments: InputMode.allCases, [DType.bf16, .f16, .f32])
  func strided(mode: InputMode, dtype: DType) throws {
    let (rows, columns) = (211, 331)
    let models: [HandMadeTensor.Model?] = [
      .init(.bf16, count: rows * columns, seed: 4),
      .transposed(dtype, rows: rows, columns: columns, seed: 5),
    ]
    #expect(models[1]?.stored != nil)
    let tensor = try HandMadeTensor(
      base: try #require(models[0]), tuned: Array(models.dropFirst()), columnCount: columns)
    let seen = try tensor.read(mode, Seen.init)
    expectAll(
      seen, of: models, elementCount: rows * columns, strip: 1 << 16, chunk: 1 << 16)
  }

  @Test("models of which the pass knows all it wants are left out", arguments: InputMode.allCases)
  func leftOut(mode: InputMode) throws {
    let models: [HandMadeTensor.Model?] = [
      .init(.bf16, count: 500, seed: 6), .init(.bf16, count: 500, seed: 7),
      .init(.bf16, count: 500, seed: 8),
    ]
    let tensor = try HandMadeTensor(
      base: try #require(models[0]), tuned: Array(models.dropFirst()))
    let seen = try tensor.read(mode, packed: .leftOut([0]), Seen.init)
    expectAll(
      seen, of: [models[0], nil, models[2]], elementCount: 500, strip: 1 << 16, chunk: 1 << 16)
  }

  @Test("a file that was cut short is said to be, with its bytes") func cutShort() throws {
    let tensor = try HandMadeTensor(
      base: .init(.bf16, count: 1000, seed: 9), tuned: [.init(.bf16, count: 1000, seed: 10)])
    try #require(truncate(tensor.directory("model1"), HandMadeTensor.lead + 1999) == 0)
    let error = #expect(throws: FormatError.self) { try tensor.read(.pread) { _ in 0 } }
    #expect(error?.failure.exitCode == .inputOutput)
    #expect(error?.failure.subject.file == tensor.directory("model1"))
    #expect(error?.failure.subject.byteRange == 13..<2013)
    #expect(error?.failure.message.contains("found 1999") == true)
  }
}

@Suite("The queue of strips") struct StripQueueTests {
  private func task(_ ordinal: Int, strips: Int, first: Int) -> TensorTask {
    TensorTask(
      ordinal: ordinal, name: "t\(ordinal)", role: .linear, elementCount: strips << 16,
      base: TensorSource(file: 0, dtype: .bf16, byteRange: 0..<strips << 17),
      baseElementCount: strips << 16, fineTuned: [], fineTunedElementCounts: [],
      outputDType: .bf16, outputShard: 0, outputOffset: 0, firstStrip: first)
  }

  private let granularity = Granularity(stripElements: 1 << 16, chunkElements: 1 << 16)

  @Test("strips come tensor by tensor, without those that are finished") func order() throws {
    let tasks = [task(1, strips: 2, first: 5), task(0, strips: 3, first: 0)]
    let queue = StripQueue(tasks, granularity: granularity, cancellation: .init()) {
      $0 == 1 || $0 == 6
    }
    var seen: [Int] = []
    while let strip = try queue.take().first {
      seen.append(strip.ordinal)
      #expect(strip.look == .first && !strip.mayComeAgain)
    }
    #expect(seen == [5, 0, 2])
  }

  @Test("second looks come before any other first look") func secondLooks() throws {
    let tasks = [task(0, strips: 2, first: 0), task(1, strips: 1, first: 2)]
    let queue = StripQueue(
      tasks, granularity: granularity, cancellation: .init(), revisited: [0])
    let first = try queue.take() + queue.take()
    #expect(first.map(\.ordinal) == [0, 1] && first.allSatisfy { $0.mayComeAgain })
    queue.revisit(at: tasks[0], first)
    var seen: [String] = []
    while let strip = try queue.take().first { seen.append("\(strip.ordinal) \(strip.look)") }
    #expect(seen == ["0 second", "1 second", "2 first"])
  }

  @Test("small tensors come in runs of neighbours, large ones alone") func runs() throws {
    let granularity = Granularity(stripElements: 1 << 18, chunkElements: 1 << 16)
    // In units of 2^16 elements, of which a run has at most eight and a strip at most four.
    let sizes = [1, 1, 3, 4, 1, 9, 2, 1, 1]
    var tasks: [TensorTask] = []
    var strips = 0
    for (ordinal, size) in sizes.enumerated() {
      tasks.append(task(ordinal, strips: size, first: strips))
      strips += granularity.stripCount(of: size << 16)
    }
    func runs(_ tasks: [TensorTask]) throws -> [[Int]] {
      // The seventh tensor, of two units, is finished.
      let queue = StripQueue(tasks, granularity: granularity, cancellation: .init()) { $0 == 8 }
      var seen: [[Int]] = []
      while case let run = try queue.take(), !run.isEmpty {
        #expect(run.map(\.endsRun) == Array(repeating: false, count: run.count - 1) + [true])
        seen.append(run.map(\.ordinal))
      }
      return seen
    }
    #expect(try runs(tasks) == [[0, 1, 2], [3, 4], [5], [6], [7], [9, 10]])
    // From the end, and in order all the same.
    #expect(try runs(tasks.reversed()) == [[9, 10], [5], [6], [7], [2, 3, 4], [0, 1]])
    // Tiny ones are many, and a run holds what is known of each.
    let tiny = (0..<100).map { task($0, strips: 0, first: 100 + $0) }
    #expect(try runs(tiny).map(\.count) == [Granularity.runTensors, 36])
  }
}
