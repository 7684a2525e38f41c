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
@Suite("Sparse delta stores") struct StoreTests: MakesStores {
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
