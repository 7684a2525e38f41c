import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceStore
@testable import SluiceRecipe

/// What stores do not serve, and stores that are not sound.
@Suite("Refused delta stores") struct StoreRefusalTests: MakesStores {
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
}
