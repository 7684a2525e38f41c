import SluiceCore
import SluiceFormats
import SluiceKernels
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Nothing about how a run is done may change a byte: many chunks and strips, any number of lanes.
@Suite("The same bytes whatever the run")
struct SameBytesTests {
  /// A family with tensors of several grains, so that chunks and strips have borders inside them.
  private static func family(_ dtype: DType) -> ModelFamily {
    var spec = FamilySpec(
      seed: 7,
      fineTunes: [
        FamilySpec.FineTune("a", dtype: dtype, drift: .light),
        FamilySpec.FineTune("b", dtype: dtype == .f32 ? .bf16 : dtype, drift: .heavy),
      ])
    spec.baseDType = dtype
    spec.hiddenSize = 180
    spec.intermediateSize = 741
    spec.headCount = 4
    spec.headSize = 45
    spec.vocabularySize = 100
    spec.layerCount = 1
    return spec.build()
  }

  private static func variants() -> [(String, RunOptions)] {
    var variants: [(String, RunOptions)] = []
    for (threads, memory, io): (Int, Int, InputMode) in [
      (1, 48, .mmap), (2, 4096, .pread), (7, 48, .pread), (7, 4096, .mmap),
    ] {
      var run = RunOptions(threads: threads)
      run.memory = .mebibytes(memory)
      run.io = io
      variants.append(("\(threads) threads, \(memory) MiB, \(io)", run))
    }
    for (codec, grains) in [(FrameCodec.none, 1), (.lz4, 3), (.zstd(), 8)] {
      var run = RunOptions(threads: 2)
      run.spill = .on(codec)
      run.stripElements = grains * Granularity.grainElements
      run.chunkElements = Granularity.grainElements
      variants.append(("spilled, \(codec)", run))
    }
    // Each way to read ahead: every contract with every way of reading, one lane and three, chunks of
    // one grain and of many, with a spill and without.
    for edges in [RunOptions.EdgeOption.fused, .queued] {
      for io in InputMode.allCases {
        for (threads, chunk, codec) in [(1, 1, nil), (3, 1, FrameCodec.lz4), (3, 8, nil)] {
          var run = RunOptions(threads: threads)
          (run.edges, run.io) = (edges, io)
          run.chunkElements = chunk * Granularity.grainElements
          run.stripElements = 2 * Granularity.grainElements
          run.spill = codec.map { .on($0) } ?? .off
          let spill = codec == nil ? "" : ", spilled"
          variants.append(("\(edges), \(io), \(threads) lanes, chunks of \(chunk)\(spill)", run))
        }
      }
    }
    // Room for some of the strips; the others are read again.
    var short = RunOptions(threads: 2)
    short.spill = .on(.none)
    short.spillLimit = ByteCount(300_000)
    short.stripElements = Granularity.grainElements
    variants.append(("spilled in part", short))
    for level in VectorLevel.allCases where level.isSupported {
      var run = RunOptions(threads: 2)
      run.vectorLevel = level
      run.chunkElements = Granularity.grainElements
      variants.append((level.name, run))
    }
    for grains in [1, 2] {
      var run = RunOptions(threads: 3)
      run.stripElements = grains * Granularity.grainElements
      run.chunkElements = Granularity.grainElements
      variants.append(("strips of \(grains) grains", run))
    }
    return variants
  }

  @Test(
    "threads, memory, input mode, vector level, chunks, strips",
    arguments: [DType.bf16, .f16, .f32])
  func runOptions(dtype: DType) throws {
    // One type with everything; the others, each with another third, whole in the slow suite.
    let variants = Self.variants().enumerated().filter { index, _ in
      dtype == .bf16 || index % 3 == (dtype == .f16 ? 0 : 1)
    }
    try Self.expectSameBytes(dtype, variants.map(\.element))
  }

  /// Merges a family in each way.
  fileprivate static func expectSameBytes(
    _ dtype: DType, _ variants: [(String, RunOptions)] = variants()
  ) throws {
    var options = ReferenceOptions()
    options.pruningRate = 0.7
    options.amplify = ["a": [1.2, 1.1, 1.05]]
    let merge = TinyMerge(Self.family(dtype), options: options)
    let first = try merge.run()
    for (name, run) in variants {
      let other = try merge.run(run: run)
      #expect(other.model.tensors.count == first.model.tensors.count)
      for tensor in first.model.tensors {
        try #require(other.model[tensor.name]).expectSameBytes(as: tensor, name)
      }
      for (model, expected) in zip(other.report.models, first.report.models) {
        #expect(model.layers.map(\.cuts.cuts) == expected.layers.map(\.cuts.cuts))
      }
    }
    try merge.expectEqualToReference()
  }

  /// A family whose layers change most in their first grains, or least.
  private static func uneven(_ dtype: DType, isFalling: Bool) -> ModelFamily {
    family(dtype).multiplyingDeltas { _, element in
      (element < Granularity.grainElements) == isFalling ? 8 : 1
    }
  }

  @Test(
    "models are read again where the beginning of a layer says too little of its rest",
    arguments: [DType.bf16, .f16, .f32])
  func unevenLayers(dtype: DType) throws {
    var bytesRead: [Int] = []
    for isFalling in [false, true] {
      let merge = TinyMerge(Self.uneven(dtype, isFalling: isFalling))
      let expected = try merge.run { _ in }
      for io in [InputMode.pread, .direct] {
        var run = RunOptions(threads: 2)
        (run.io, run.spill) = (io, .on(.rice))
        run.chunkElements = Granularity.grainElements
        let spilled = try merge.run(run: run)
        for tensor in expected.model.tensors {
          try #require(spilled.model[tensor.name]).expectSameBytes(as: tensor, "\(isFalling)")
        }
        bytesRead.append(spilled.report.totals.bytesRead)
      }
    }
    // What was packed is of use where layers change most behind their first grain.
    #expect(bytesRead[0] < bytesRead[2] && bytesRead[1] < bytesRead[3])
  }

  @Test("frames stay in memory as far as the budget has room, and nobody sees it in the result")
  func heldFrames() throws {
    var spec = FamilySpec(seed: 9)
    (spec.hiddenSize, spec.headSize, spec.intermediateSize) = (512, 128, 1500)
    spec.layerCount = 1
    let merge = TinyMerge(spec.build())
    let expected = try merge.run()
    var run = RunOptions(threads: 2)
    run.spill = .on(.rice)
    let all = try merge.run(run: run)
    let plan = all.report.plan.memory
    #expect(plan.heldFramesByteCount > 1 << 20)
    // Histograms go through files all the same.
    let least = all.report.totals.bytesSpilled
    var spilled: [Int] = []
    for room in [(1 << 20) - 1, 1 << 20] {
      run.memory = ByteCount(plan.totalBytes - plan.heldFramesByteCount + room)
      let some = try merge.run(run: run)
      #expect(some.report.plan.memory.heldFramesByteCount == (room < 1 << 20 ? 0 : room))
      spilled.append(some.report.totals.bytesSpilled)
      for tensor in expected.model.tensors {
        try #require(some.model[tensor.name]).expectSameBytes(as: tensor, "\(room)")
        try #require(all.model[tensor.name]).expectSameBytes(as: tensor, "all")
      }
    }
    #expect(spilled[0] > spilled[1] + (1 << 19) && spilled[1] >= least)
  }

  @Test("how the inputs are cut into files")
  func layouts() throws {
    let merge = TinyMerge(FamilySpec.random(seed: 3).build())
    let files = try ShardingLayout.samples.map { try merge.shardBytes(layout: $0) }
    for other in files.dropFirst() { #expect(other == files[0]) }
  }

  @Test("the shard size changes the files, not the tensors") func shardSize() throws {
    let merge = TinyMerge(FamilySpec.random(seed: 4).build())
    let whole = try merge.run()
    let cut = try merge.run { $0.method.shardSize = ByteCount(10_000) }
    #expect(cut.report.plan.layout.shards.count > 3)
    for tensor in whole.model.tensors {
      try #require(cut.model[tensor.name]).expectSameBytes(as: tensor)
    }
  }
}

/// Every type with every way to run.
@Suite("SluiceSlow: the same bytes whatever the run")
struct SluiceSlowSameBytesTests {
  @Test("every type with everything", arguments: [DType.f16, .f32])
  func runOptions(dtype: DType) throws { try SameBytesTests.expectSameBytes(dtype) }
}
