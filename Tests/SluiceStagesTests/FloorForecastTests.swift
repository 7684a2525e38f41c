import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

/// What is packed of a tensor behind the counting, and how much of it.
@Suite("Foreseeing what can be kept") struct FloorForecastTests {
  private static let rate = 0.7

  /// A tensor whose deltas are as large as a function of their position says.
  private func tensor(
    _ count: Int, _ dtype: DType = .bf16, _ scale: (Int) -> Float
  ) throws -> HandMadeTensor {
    let base = HandMadeTensor.Model(dtype, someWeights(count, seed: 61))
    let deltas = someDeltas(count, seed: 62, distinct: 2000)
    let before = base.values
    let tuned = deltas.indices.map { before[$0] + deltas[$0] * 0x1p-8 * scale($0) }
    return try HandMadeTensor(base: base, tuned: [HandMadeTensor.Model(dtype, tuned), nil])
  }

  /// What one lane packs of a tensor behind the counting.
  private func packed(
    _ tensor: HandMadeTensor, chunk: Int, io: InputMode = .pread
  ) throws -> (store: SpillStore, bytes: [UInt8]) {
    let path = tensor.directory("spill\(chunk)")
    let store = SpillStore(
      try WorkFile.create(at: path), stripCount: 1, modelCount: 2
    ) { task, model in
      "\(model) \(task.name)"
    }
    let histograms = HistogramStore(
      try WorkFile.create(at: path + ".counts"), stripCount: 1, modelCount: 2)
    let graph = Graph()
    let pool = try BufferPool(
      count: 2, byteCount: FrameOutput.bufferByteCount, cancellation: graph.cancellation)
    let channel = BoundedChannel<FrameJob>(
      byteBound: 2 * FrameOutput.bufferByteCount, cancellation: graph.cancellation, name: "frames")
    graph.add("lane", writes: [channel]) { node in
      let forecast = FloorForecast(significanceMultiple: 5) { _ in [Self.rate, Self.rate] }
      let names = ["a", "b"]
      let counting = FusedStages(
        modelNames: names, kernels: .best,
        sink: SurveySink(modelCount: 2, store: histograms, kernels: .best, forecast: forecast))
      let packing = FusedStages(
        sharing: counting,
        sink: SpillSink(
          modelCount: 2, floors: { _ in [.foreseen(lowestRate: Self.rate), nil] },
          forecast: forecast,
          output: FrameOutput(
            context: node, pool: pool, channel: channel, store: store, byteLimit: .max),
          store: store, codec: .rice, sumsBase: false, kernels: .best))
      try tensor.read(io, strip: 1 << 22, chunk: chunk, on: node) {
        try counting.take($0, before: packing)
      }
    }
    graph.add("write", reads: [channel]) { node in
      try SpillWriteStage(store).run(node, from: channel, didWrite: { _ in }, didEnd: { _ in })
    }
    try graph.run()
    return (store, try InputFile.contents(of: path, byteLimit: 1 << 30))
  }

  /// What can be kept of the first elements, looked up one by one.
  private func floor(_ magnitudes: [UInt32], margin: Double) -> UInt32 {
    let wanted = Cut.keptCount(rate: Self.rate - margin, of: magnitudes.count)
    // Of BF16 the builder tells magnitudes apart by all but the lowest 15 bits.
    return magnitudes.sorted(by: >)[wanted - 1] & ~0x7fff
  }

  @Test(
    "each grain is packed with what was foreseen when it was counted, however it was read",
    arguments: [true, false])
  func grains(isFalling: Bool) throws {
    let grain = Granularity.grainElements
    let count = 5 * grain + 777
    let tensor = try tensor(count) { index in
      let part = Float(index / (grain / 2) + 1)
      return isFalling ? 8 / part : part
    }
    let first = try packed(tensor, chunk: grain)
    for (chunk, io) in [(2 * grain, InputMode.pread), (8 * grain, .pread), (4 * grain, .mmap)] {
      let isSame = try packed(tensor, chunk: chunk, io: io).bytes == first.bytes
      #expect(isSame, "\(chunk)")
    }
    let before = ScalarKernels.decoded(tensor, 0)
    let after = ScalarKernels.decoded(tensor, 1)
    let magnitudes = before.indices.map { (after[$0] - before[$0]).magnitude.bitPattern }
    // One, two and four grains were counted; the fourth grain is the first that knows of four.
    let floors = [1, 2, 2, 4, 4, 4].map {
      floor(Array(magnitudes[..<($0 * grain)]), margin: FloorForecast.rateMargin)
    }
    let strip = Strip(
      tensor.task, index: 0, granularity: Granularity(stripElements: 1 << 22, chunkElements: grain))
    let table = try #require(try first.store.packed(strip, model: 0)).table
    #expect(table.minimumMagnitudeBits == floors.max())
    let source = Source(store: first.store)
    let found = try tensor.read(
      .pread, strip: 1 << 22, packed: .unpacked(source, .best)
    ) { $0.fineTuned[0]?.copied ?? [] }.flatMap(\.self)
    for index in before.indices {
      let isKept = magnitudes[index] >= floors[index / grain]
      let value = ScalarKernels.element(found, .bf16, at: index)
      guard value == (isKept ? after[index] : before[index]) else {
        Issue.record("element \(index)")
        return
      }
    }
  }

  @Test("of a tensor that is shorter than a grain all is known when it is packed") func short()
    throws
  {
    let tensor = try tensor(5000) { _ in 1 }
    let found = try packed(tensor, chunk: 1 << 16)
    let (before, after) = (ScalarKernels.decoded(tensor, 0), ScalarKernels.decoded(tensor, 1))
    let strip = Strip(
      tensor.task, index: 0,
      granularity: Granularity(stripElements: 1 << 22, chunkElements: 1 << 16))
    let table = try #require(try found.store.packed(strip, model: 0)).table
    let magnitudes = before.indices.map { (after[$0] - before[$0]).magnitude.bitPattern }
    let wanted = Cut.keptCount(rate: Self.rate, of: magnitudes.count)
    #expect(table.minimumMagnitudeBits == magnitudes.sorted(by: >)[wanted - 1])
  }

  @Test("in bins, what the inside of the bin of significance may be asked for is kept, too")
  func bins() throws {
    // Nearly all deltas are zero, so that five times the mean lies below what the rate keeps.
    let grain = Granularity.grainElements
    let tensor = try tensor(2 * grain, .f32) { $0 % 50 == 0 ? 1 : 0 }
    let found = try packed(tensor, chunk: grain)
    let strip = Strip(
      tensor.task, index: 0, granularity: Granularity(stripElements: 1 << 22, chunkElements: grain))
    let table = try #require(try found.store.packed(strip, model: 0)).table
    #expect(table.minimumMagnitudeBits == 1)
  }

  private struct Source: PackedSource {
    let store: SpillStore

    func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
      try store.packed(strip, model: model)
    }
  }
}

extension ScalarKernels {
  /// The elements of one of a tensor's models.
  fileprivate static func decoded(_ tensor: HandMadeTensor, _ model: Int) -> [Float] {
    let source = model == 0 ? tensor.task.base : tensor.task.fineTuned[model - 1]
    guard let source,
      let bytes = try? InputFile.contents(of: tensor.files[source.file].path, byteLimit: 1 << 30)
    else { return [] }
    let own = Array(bytes[source.byteRange])
    return (0..<tensor.task.elementCount).map { element(own, source.dtype, at: $0) }
  }
}
