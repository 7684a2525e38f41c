import SluiceCore
import SluiceFormats
import SluiceKernels
import SluiceMethods
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceStore
@testable import SluiceRecipe

/// Sparse delta stores in the place of the models that they were made of.
@Suite("Sparse delta stores") struct StoreTests {
  private func request(
    _ directory: ScratchDirectory, _ name: String, _ rate: Double, deviation: Double = 0.08,
    codec: FrameCodec = .zstd(), recipe: MergeRecipe? = nil
  ) throws -> PruneRun.Request {
    var request = PruneRun.Request(
      base: directory("base"), model: directory("model-" + name),
      pruningRate: try #require(PruningRate(rate)))
    request.maxRateDeviation = deviation
    request.codec = codec
    if let recipe { request.linearSet = recipe.linearSet }
    return request
  }

  private func store(
    _ request: PruneRun.Request, to path: String, _ run: RunOptions = RunOptions(threads: 2)
  ) throws {
    _ = try PruneRun(request, options: run, output: path).run()
  }

  @Test("merges from stores equal merges from models, byte for byte", arguments: 0..<14)
  func randomFamilies(seed: Int) throws {
    let family = FamilySpec.random(seed: UInt64(400 + seed)).build()
    var random = RepeatableGenerator(seed: UInt64(5000 + seed))
    var options = TinyMerge.randomOptions(for: family, using: &random)
    options.significanceMultiple = 5
    let merge = TinyMerge(family, options: options)
    let directory = try ScratchDirectory()
    try merge.write(to: directory, layout: ShardingLayout.samples[seed % 6])
    let recipe = try merge.recipe(in: directory)
    var run = TinyMerge.randomRun(using: &random)
    run.spill = .off
    let expected = try directory.merged(recipe, run, "expected")
    // Every second model stays a model in some of the runs.
    var stored = recipe
    let codecs: [FrameCodec] = [.none, .lz4, .zstd()]
    for (index, model) in recipe.models.enumerated() where seed % 3 > 0 || index % 2 == 0 {
      let path = directory("store-" + model.name)
      try store(
        try request(
          directory, model.name, options.pruningRate, codec: codecs[(seed + index) % 3],
          recipe: recipe), to: path, run)
      stored.models[index].path = path
    }
    try directory.merged(stored, run, "stored").expectSameBytes(as: expected, "stored")
    let given = stored.models.contains { !$0.path.contains("/store-") }
    guard given, options.pruningRate > 0.08 else { return }
    run.spill = .on(.lz4)
    try directory.merged(stored, run, "spilled").expectSameBytes(as: expected, "stored, spilled")
  }

  @Test(
    "a store of rate 0 serves methods that keep small deltas",
    arguments: ["dare", "none", "magnitude"], [DType.bf16, .f16, .f32])
  func otherMethods(prune: String, dtype: DType) throws {
    var spec = FamilySpec.random(seed: 77)
    spec.baseDType = dtype
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = dtype }
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    var recipe = try merge.recipe(in: directory)
    recipe.method.pruning = try #require(MethodParameters.Pruning(rawValue: prune))
    let run = RunOptions(threads: 2)
    let expected = try directory.merged(recipe, run, "expected")
    for (index, model) in recipe.models.enumerated() {
      let path = directory("store-" + model.name)
      try store(try request(directory, model.name, 0), to: path)
      recipe.models[index].path = path
    }
    try directory.merged(recipe, run, "stored").expectSameBytes(as: expected, prune)
  }

  @Test("the same request gives the same store, however it is run") func deterministic() throws {
    var spec = FamilySpec(seed: 5)
    spec.hiddenSize = 180
    spec.intermediateSize = 741
    spec.layerCount = 1
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let name = merge.family.fineTuned[0].name
    var bytes: [[UInt8]] = []
    for (threads, io, chunk) in [
      (1, InputMode.mmap, 1), (3, .pread, 2), (2, .mmap, 8), (4, .direct, 1),
    ] {
      var run = RunOptions(threads: threads)
      run.io = io
      run.chunkElements = chunk * Granularity.grainElements
      run.stripElements = 2 * Granularity.grainElements
      let path = directory("store-\(threads)")
      try store(try request(directory, name, 0.8), to: path, run)
      bytes.append(
        try InputFile.contents(of: "\(path)/\(DeltaStore.fileName)", byteLimit: 1 << 30))
    }
    #expect(bytes.allSatisfy { $0 == bytes[0] })
  }

  @Test("a store holds all that its lowest rate keeps of layers that change most where they begin")
  func unevenLayers() throws {
    var spec = FamilySpec(seed: 8)
    spec.hiddenSize = 180
    spec.intermediateSize = 741
    spec.layerCount = 1
    let family = spec.build().multiplyingDeltas { _, element in
      element < Granularity.grainElements ? 8 : 1
    }
    var options = ReferenceOptions()
    options.pruningRate = 0.8
    let merge = TinyMerge(family, options: options)
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    let expected = try directory.merged(recipe, RunOptions(threads: 2), "expected")
    var bytes: [[UInt8]] = []
    for (threads, chunk) in [(1, 1), (3, 2), (2, 8)] {
      var run = RunOptions(threads: threads)
      run.chunkElements = chunk * Granularity.grainElements
      let path = directory("store-\(threads)")
      try store(try request(directory, recipe.models[0].name, 0.8, codec: .rice), to: path, run)
      bytes.append(
        try InputFile.contents(of: "\(path)/\(DeltaStore.fileName)", byteLimit: 1 << 30))
      var stored = recipe
      stored.models[0].path = path
      try directory.merged(stored, run, "stored-\(threads)").expectSameBytes(
        as: expected, "stored")
    }
    #expect(bytes.allSatisfy { $0 == bytes[0] })
    let opened = try #require(try DeltaStore.open(directory("store-1")))
    var exactCount = 0
    for tensor in family.base.tensors {
      guard let stored = try opened.tensor(tensor.name), stored.extent == .pruned,
        let strip = stored.strips.first, stored.strips.count == 1
      else { continue }
      let histogram = try #require(MagnitudeHistogram(encoded: strip.histogram))
      let needed = histogram.minimumMagnitudeBits(rate: stored.lowestRate)
      #expect(strip.table.minimumMagnitudeBits <= needed)
      let isLong = tensor.shape.elementCount > Granularity.grainElements
      if isLong, strip.table.minimumMagnitudeBits == needed { exactCount += 1 }
    }
    // Looked at again, with what is known then.
    #expect(exactCount > 0)
  }

  @Test("each strip of a store has a floor of its own, and the store serves what all of them do")
  func floors() throws {
    var spec = FamilySpec(seed: 8)
    spec.hiddenSize = 180
    spec.intermediateSize = 741
    spec.layerCount = 1
    let merge = TinyMerge(
      spec.build().multiplyingDeltas { _, element in element < Granularity.grainElements ? 1 : 8 })
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    var run = RunOptions(threads: 2)
    run.stripElements = Granularity.grainElements
    let name = merge.family.fineTuned[0].name
    try store(try request(directory, name, 0.8, codec: .rice), to: directory("store"), run)
    let opened = try #require(try DeltaStore.open(directory("store")))
    let names = merge.family.base.tensors.map(\.name).filter { $0.contains("proj") }
    let stored = try names.compactMap { try opened.tensor($0) }.filter { $0.strips.count > 2 }
    #expect(!stored.isEmpty)
    for tensor in stored {
      let floors = tensor.strips.map(\.table.minimumMagnitudeBits)
      #expect(floors[0] < tensor.floor && tensor.floor == floors.max())
    }
  }

  /// What a plan with a store says.
  private func refusal(_ recipe: MergeRecipe) -> Failure? {
    do {
      _ = try MergePlan(recipe, options: RunOptions(threads: 1))
      return nil
    } catch {
      return (error as? any SluiceError)?.failure
    }
  }

  @Test("a merge that needs more than a store has is refused before it starts") func refusals()
    throws
  {
    var spec = FamilySpec.random(seed: 78)
    spec.baseDType = .f32
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = .f32 }
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    let path = directory("store")
    try store(try request(directory, recipe.models[0].name, 0.8), to: path)
    var stored = recipe
    stored.models[0].path = path
    #expect(refusal(stored) == nil)

    var other = merge.family.base
    for index in other.tensors.indices where other.tensors[index].bytes.count > 4 {
      other.tensors[index].bytes[0] ^= 1
    }
    try other.write(to: directory("other"))
    typealias Change = (inout MergeRecipe) -> Void
    let cases: [(String, Change)] = [
      (
        "rates from 0.72 on", { $0.method.pruningRate = PruningRate(0.75) ?? $0.method.pruningRate }
      ),
      ("rates from 0.72 on", { $0.method.maxRateDeviation = 0.1 }),
      (
        "dare can keep elements of any size",
        { $0.method.pruning = .init(rawValue: "dare") ?? .dppa }
      ),
      ("no bound", { $0.method.scalesDeviations = false }),
      ("weights of F32", { $0.method.significanceMultiple = 0.5 }),
      ("this tensor is not pruned here", { $0.linearSet.exclude = ["*q_proj*"] }),
      ("another base", { $0.base = directory("other") }),
    ]
    for (expected, change) in cases {
      var other = stored
      change(&other)
      let failure = try #require(refusal(other), "\(expected)")
      #expect(failure.exitCode == .badInput)
      #expect(failure.message.contains(expected), "\(failure.message)")
      #expect(failure.subject.model == recipe.models[0].name && failure.subject.file == path)
      #expect(failure.remedy != nil)
    }
    var again = try request(directory, recipe.models[0].name, 0.8)
    again.model = path
    #expect(throws: PipelineError.self) {
      try PruneRun(again, options: RunOptions(threads: 1), output: directory("x"))
    }
  }

  @Test("a base that differs where no sample looked is found while the frames are read")
  func patchedBase() throws {
    var spec = FamilySpec(seed: 6)
    spec.hiddenSize = 100
    spec.intermediateSize = 300
    spec.layerCount = 1
    let family = spec.build()
    let merge = TinyMerge(family)
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    var recipe = try merge.recipe(in: directory)
    try store(try request(directory, recipe.models[0].name, 0.8), to: directory("store"))
    recipe.models[0].path = directory("store")
    var base = family.base
    let index = try #require(base.tensors.firstIndex { $0.name.contains("up_proj") })
    // Far from the first, middle and last elements.
    base.tensors[index].bytes[2 * 5000] ^= 1
    try base.write(to: directory("patched"))
    recipe.base = directory("patched")
    let plan = try MergePlan(recipe, options: RunOptions(threads: 1))
    do {
      _ = try MergeRun(plan, output: directory("out")).execute()
      Issue.record("another base went unnoticed")
    } catch {
      let failure = try #require(error as? any SluiceError).failure
      #expect(failure.exitCode == .badInput && failure.message.contains("another base"))
      #expect(failure.subject.tensor?.contains("up_proj") == true)
    }
    #expect(try FileStatus.of(directory("out/model.safetensors")) == nil)
  }

  @Test("a store with any byte changed or cut short is refused with its place") func damage() throws
  {
    var spec = FamilySpec(seed: 8)
    spec.layerCount = 1
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    var recipe = try merge.recipe(in: directory)
    let path = directory("store")
    try store(try request(directory, recipe.models[0].name, 0.8), to: path)
    recipe.models[0].path = path
    let file = "\(path)/\(DeltaStore.fileName)"
    let sound = try InputFile.contents(of: file, byteLimit: 1 << 30)
    let opened = try SafetensorsFile.open(file)
    for entry in opened.header.tensors where entry.byteRange.count > 0 {
      for offset in [0, entry.byteRange.count / 3, entry.byteRange.count - 1] {
        var changed = sound
        changed[entry.byteRange.lowerBound + offset] ^= 0x20
        try AtomicFile.write(changed, to: file)
        do {
          _ = try MergeRun(
            try MergePlan(recipe, options: RunOptions(threads: 1)), output: directory("out")
          ).execute()
          Issue.record("byte \(offset) of \(entry.name) does not matter")
        } catch {
          let failure = try #require(error as? any SluiceError).failure
          #expect(failure.exitCode == .badInput && failure.subject.file == file)
          // The frame that holds the byte.
          let range = try #require(failure.subject.byteRange)
          #expect(range.contains(entry.byteRange.lowerBound + offset))
        }
        #expect(throws: (any Error).self) {
          try DeltaStore.open(path)?.contents(checksFrames: true)
        }
        try Directory.remove(directory("out"))
      }
    }
    for count in stride(from: 0, to: sound.count, by: sound.count / 50) {
      try AtomicFile.write(Array(sound.prefix(count)), to: file)
      #expect(throws: (any Error).self) {
        try MergePlan(recipe, options: RunOptions(threads: 1))
      }
    }
    try AtomicFile.write(sound, to: file)
    #expect(try DeltaStore.open(path)?.contents(checksFrames: true).isEmpty == false)
  }

  @Test("a killed run goes on, with the same bytes") func resume() throws {
    var spec = FamilySpec(seed: 11)
    spec.layerCount = 1
    spec.intermediateSize = 2800
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let request = try request(directory, merge.family.fineTuned[0].name, 0.8)
    var run = RunOptions(threads: 1)
    run.stripElements = Granularity.grainElements
    run.journalPace.interval = .zero
    let whole = FailingDisk(under: directory("expected"))
    try store(request, to: directory("expected"), run)
    whole.end()
    let expected = try InputFile.contents(
      of: directory("expected/" + DeltaStore.fileName), byteLimit: 1 << 30)
    for position in stride(from: 0, to: whole.calls.count, by: max(1, whole.calls.count / 16)) {
      let disk = FailingDisk(under: directory("killed"), .kill, at: position)
      _ = try? store(request, to: directory("killed"), run)
      disk.end()
      if position % 2 == 1 {
        var generator = RepeatableGenerator(seed: UInt64(position))
        disk.losePower(using: &generator)
      }
      try store(request, to: directory("killed"), run)
      let bytes = try InputFile.contents(
        of: directory("killed/" + DeltaStore.fileName), byteLimit: 1 << 30)
      #expect(bytes == expected, "killed at call \(position)")
      #expect(try FileStatus.of(directory("killed/.sluice")) == nil)
      guard
        case .wasFinished = try PruneRun(request, options: run, output: directory("killed")).run()
      else {
        Issue.record("made once more")
        return
      }
      try Directory.remove(directory("killed"))
    }
  }
}
