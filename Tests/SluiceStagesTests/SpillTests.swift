import Glibc
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Spilling and reading frames") struct SpillTests {
  /// A tensor whose spill has been written.
  private struct Spilled {
    let tensor: HandMadeTensor
    let store: SpillStore
    let path: String
    /// The bytes that were written.
    let byteCount: Int
    /// How many strips a journal may tell of.
    let stripsInFile: Int

    /// Packs a tensor, as the first pass does.
    init(
      _ tensor: HandMadeTensor, floors: [UInt32?], codec: FrameCodec = .zstd(level: 1),
      byteLimit: Int = .max, room: Int = 0
    ) throws {
      self.tensor = tensor
      let held = try room > 0 ? HeldFrames(byteCount: room) : nil
      path = tensor.directory("spill")
      let store = SpillStore(
        try WorkFile.create(at: path), stripCount: 8, modelCount: floors.count, isAroundCache: true,
        held: held
      ) { task, model in "\(model) \(task.name)" }
      let graph = Graph()
      let pool = try BufferPool(
        count: 2, byteCount: FrameOutput.bufferByteCount, cancellation: graph.cancellation)
      let channel = BoundedChannel<FrameJob>(
        byteBound: 2 * FrameOutput.bufferByteCount, cancellation: graph.cancellation,
        name: "frames")
      graph.add("lane", writes: [channel]) { node in
        let sink = SpillSink(
          modelCount: floors.count, floors: { _ in floors.map { $0.map { .known($0) } } },
          output: FrameOutput(
            context: node, pool: pool, channel: channel, store: store, byteLimit: byteLimit),
          store: store, codec: codec, sumsBase: true, kernels: .best)
        let stages = FusedStages(
          modelNames: floors.indices.map { "m\($0)" }, kernels: .best, sink: sink)
        try tensor.read(.pread, strip: 1 << 20, on: node) { chunk in try stages.take(chunk) }
      }
      let (written, ended) = (Monitor(0), Monitor(0))
      graph.add("write", reads: [channel]) { node in
        try SpillWriteStage(store).run(
          node, from: channel, didWrite: { count in written.withLock { $0 += count } },
          didEnd: { _ in ended.withLock { $0 += 1 } })
      }
      try graph.run()
      self.store = store
      stripsInFile = ended.withLock { $0 }
      byteCount = written.withLock { $0 }
    }

    /// What a later pass reads of each model, as bytes and their type.
    func read(
      _ mode: InputMode = .pread, chunk: Int = 1 << 16
    ) throws -> [(dtype: DType?, bytes: [UInt8])] {
      let source = StoredFrames(store: store)
      let chunks = try tensor.read(
        mode, strip: 1 << 20, chunk: chunk, packed: .unpacked(source, .best)
      ) { chunk in chunk.fineTuned.map { ($0?.dtype, $0?.copied ?? []) } }
      return tensor.task.fineTuned.indices.map { model in
        (chunks.compactMap { $0[model].0 }.first, chunks.flatMap { $0[model].1 })
      }
    }
  }

  /// The spill as a source of frames.
  private struct StoredFrames: PackedSource {
    let store: SpillStore

    func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
      try store.packed(strip, model: model)
    }
  }

  /// Base weights, and others that differ from them in some elements.
  private func pair(
    _ count: Int, base: DType = .bf16, tuned: DType = .bf16, tunedCount: Int? = nil
  ) -> (base: HandMadeTensor.Model, tuned: HandMadeTensor.Model) {
    let values = someWeights(count, seed: 51)
    let deltas = someDeltas(tunedCount ?? count, seed: 52, distinct: 6)
    let moved = deltas.enumerated().map { index, delta in
      index % 3 == 0
        ? (index < count ? values[index] : 0) + delta : index < count ? values[index] : 0
    }
    return (.init(base, values), .init(tuned, moved))
  }

  @Test(
    "everything kept comes back as it was, in both modes and all forms",
    arguments: InputMode.allCases, [FrameCodec.none, .rice, .lz4, .zstd(level: 1)])
  func whole(mode: InputMode, codec: FrameCodec) throws {
    // Two frames, the second of them short.
    let count = Frame.elementLimit + 70_001
    let (base, tuned) = (
      HandMadeTensor.Model(.bf16, zeros: count), HandMadeTensor.Model(.bf16, zeros: count)
    )
    var changed = tuned
    for index in stride(from: 5, to: count, by: 4099) { changed[index] = Float(index % 7) - 3 }
    let tensor = try HandMadeTensor(base: base, tuned: [changed, nil])
    let spilled = try Spilled(tensor, floors: [0, nil], codec: codec)
    let found = try spilled.read(mode)[0]
    #expect(found.dtype == .bf16)
    let isSame = found.bytes == changed.bytes
    #expect(isSame)
    #expect(spilled.byteCount > 0 && spilled.byteCount < count * 2 + count / 8 + 4096)
  }

  @Test(
    "frames of many bytes go around the page cache, and what finds no room is read all the same",
    .enabled(if: ScratchDirectory.diskRoot != nil), arguments: [FrameCodec.none, .rice],
    [1 << 16, 1 << 18, 1 << 20])
  func manyBytes(codec: FrameCodec, chunk: Int) throws {
    let (base, tuned) = pair(3 * Frame.elementLimit + 1000)
    // Of the second model all is kept, and far from the base: more than finds room.
    let other = HandMadeTensor.Model(.bf16, someWeights(tuned.elementCount, seed: 53))
    let tensor = try HandMadeTensor(
      base: base, tuned: [tuned, other], in: ScratchDirectory.diskRoot)
    let spilled = try Spilled(tensor, floors: [1, 0], codec: codec)
    let file = try InputFile.open(spilled.path)
    if file.canBeReadDirectly { #expect(file.cachedShare(of: 0..<file.byteCount) < 0.1) }
    for mode in [InputMode.direct, .pread] {
      let found = try spilled.read(mode, chunk: chunk)
      let isSame = found[0].bytes == tuned.bytes && found[1].bytes == other.bytes
      #expect(isSame, "\(mode)")
    }
  }

  @Test(
    "frames for which there is room stay in memory, and no journal tells of their strip",
    arguments: [1 << 24, 1_200_000, 1000], InputMode.allCases)
  func held(room: Int, mode: InputMode) throws {
    let (base, tuned) = pair(5 * Frame.elementLimit + 1000)
    let other = HandMadeTensor.Model(.bf16, someWeights(tuned.elementCount, seed: 54))
    let tensor = try HandMadeTensor(base: base, tuned: [tuned, other])
    let spilled = try Spilled(tensor, floors: [0, 0], room: room)
    let all = try Spilled(tensor, floors: [0, 0])
    #expect(all.stripsInFile == 2 && all.byteCount > 2_000_000)
    #expect((spilled.byteCount == 0) == (room == 1 << 24))
    #expect((spilled.byteCount < all.byteCount) == (room > 1000))
    // The short last strip has room where the first has not.
    #expect(spilled.stripsInFile == [1 << 24: 0, 1_200_000: 1, 1000: 2][room])
    for chunk in [1 << 16, 1 << 20] {
      let found = try spilled.read(mode, chunk: chunk)
      let isSame = found[0].bytes == tuned.bytes && found[1].bytes == other.bytes
      #expect(isSame)
    }
  }

  @Test(
    "what lies below the floor reads as unchanged, and what lies above as it was",
    arguments: [DType.bf16, .f16, .f32])
  func floor(dtype: DType) throws {
    let (base, tuned) = pair(5000, base: dtype, tuned: dtype)
    let floor: Float = 0x1p-10
    let tensor = try HandMadeTensor(base: base, tuned: [tuned])
    let found = try Spilled(tensor, floors: [floor.bitPattern]).read()[0]
    let (before, after) = (base.values, tuned.values)
    var kept = 0
    for index in before.indices {
      let isKept = (after[index] - before[index]).magnitude >= floor
      kept += isKept ? 1 : 0
      let value = ScalarKernels.element(found.bytes, dtype, at: index)
      #expect(value.bitPattern == (isKept ? after[index] : before[index]).bitPattern, "\(index)")
    }
    #expect(kept > 100 && kept < 4000)
  }

  @Test("models of another type than the base come back widened") func mixed() throws {
    let (base, tuned) = pair(3000, base: .bf16, tuned: .f16)
    let tensor = try HandMadeTensor(base: base, tuned: [tuned])
    let found = try Spilled(tensor, floors: [0]).read()[0]
    #expect(found.dtype == .f32)
    let expected = ScalarKernels.encoded(tuned.values, .f32)
    let isSame = found.bytes == expected
    #expect(isSame)
  }

  @Test(
    "models that are shorter or longer than the base keep their ends", arguments: [2000, 66_000])
  func ends(tunedCount: Int) throws {
    let (base, tuned) = pair(3000, tunedCount: tunedCount)
    let tensor = try HandMadeTensor(
      elementCount: max(3000, tunedCount), base: base, tuned: [tuned, base])
    let found = try Spilled(tensor, floors: [0, 0]).read()
    let isSame = (found[0].bytes == tuned.bytes, found[1].bytes == base.bytes)
    #expect(isSame == (true, true))
  }

  @Test("a strip that does not fit is left to its file") func limit() throws {
    let (base, tuned) = pair(5000)
    let tensor = try HandMadeTensor(base: base, tuned: [tuned])
    let spilled = try Spilled(tensor, floors: [0], byteLimit: 100)
    let strip = Strip(
      tensor.task, index: 0,
      granularity: Granularity(stripElements: 1 << 19, chunkElements: 1 << 16))
    #expect(try spilled.store.packed(strip, model: 0) == nil)
    #expect(spilled.byteCount == 0)
    let isSame = try spilled.read()[0].bytes == tuned.bytes
    #expect(isSame)
  }

  @Test(
    "a spill that was cut short, or changed, is named with its bytes", arguments: [true, false])
  func damaged(isCut: Bool) throws {
    let (base, tuned) = pair(5000)
    let tensor = try HandMadeTensor(base: base, tuned: [tuned])
    let spilled = try Spilled(tensor, floors: [0])
    if isCut {
      try #require(truncate(spilled.path, 1000) == 0)
    } else {
      let file = open(spilled.path, O_WRONLY)
      var byte: UInt8 = 0xa5
      #expect(pwrite(file, &byte, 1, 300) == 1)
      close(file)
    }
    let error = #expect(throws: (any Error).self) { try spilled.read() }
    let failure = try #require((error as? any SluiceError)?.failure)
    #expect(failure.exitCode == .inputOutput, "\(failure)")
    #expect(failure.subject.file == spilled.path)
    #expect(failure.subject.byteRange != nil)
  }

  @Test("frames that were made with another base are refused") func otherBase() throws {
    let (base, tuned) = pair(5000)
    let tensor = try HandMadeTensor(base: base, tuned: [tuned])
    let spilled = try Spilled(tensor, floors: [0])
    var other = base
    other[17] += 1
    try tensor.directory.write(
      [UInt8](repeating: 0xee, count: HandMadeTensor.lead) + other.bytes, to: "model0")
    let checked = StoreFrames(store: spilled.store)
    let reopened = try tensor.reopened()
    let error = #expect(throws: FormatError.self) {
      _ = try reopened.read(.pread, strip: 1 << 19, packed: .unpacked(checked, .best)) { _ in 0 }
    }
    #expect(error?.failure.message == "the frame was made with another base")
    #expect(error?.failure.exitCode == .badInput)
  }

  /// The same frames as those of a store, which belongs to no run and names its base.
  private struct StoreFrames: PackedSource {
    let store: SpillStore

    func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
      try store.packed(strip, model: model).map {
        PackedStrip(file: $0.file, owner: $0.owner, table: $0.table, checksBase: true)
      }
    }
  }
}
