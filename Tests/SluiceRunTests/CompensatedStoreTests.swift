import SluiceCore
import SluiceFormats
import SluiceMethods
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRecipe
@testable import SluiceRun
@testable import SluiceStages
@testable import SluiceStore

/// Stores of deltas that a mask and a compensation were made for already.
@Suite("Stores of compensated deltas") struct CompensatedStoreTests {
  /// Which deltas a store keeps.
  enum Mask: String, CaseIterable, Sendable { case dppa, dp, magnitude, rows, owl }

  private func family(_ seed: UInt64, _ dtype: DType) -> ModelFamily {
    var spec = FamilySpec.random(seed: seed)
    spec.baseDType = dtype
    (spec.isBaseTied, spec.vocabularySize) = (false, 20)
    for index in spec.fineTunes.indices {
      (spec.fineTunes[index].dtype, spec.fineTunes[index].isTied) = (dtype, false)
    }
    return spec.build()
  }

  private func recipe(_ mask: Mask, _ merge: TinyMerge, _ directory: ScratchDirectory) throws
    -> MergeRecipe
  {
    var recipe = try merge.recipe(in: directory)
    let name = mask == .rows ? Mask.magnitude.rawValue : mask.rawValue
    recipe.method.pruning = try #require(MethodParameters.Pruning(rawValue: name))
    recipe.method.maskUnit = mask == .rows ? .row : .tensor
    recipe.method.merging = try #require(MethodParameters.Merging(rawValue: "sum"))
    recipe.method.compensation = .own
    recipe.method.sketchRank = mask == .owl ? .percent(75) : .count(4)
    recipe.method.pruningRate = try #require(PruningRate(0.8))
    recipe.method.seed = 7
    for index in recipe.models.indices { recipe.models[index].amplification = [] }
    return recipe
  }

  /// A merge of what is compensated already.
  private func merging(_ recipe: MergeRecipe, prune: String) throws -> MergeRecipe {
    var recipe = recipe
    recipe.method.pruning = try #require(MethodParameters.Pruning(rawValue: prune))
    recipe.method.compensation = .none
    recipe.method.maskUnit = .tensor
    recipe.method.sketchRank = MethodParameters().sketchRank
    recipe.method.seed = MethodParameters().seed
    return recipe
  }

  private func request(_ recipe: MergeRecipe, _ index: Int) -> PruneRun.Request {
    var request = PruneRun.Request(
      base: recipe.base, model: recipe.models[index].path,
      pruningRate: recipe.method.pruningRate)
    request.maxRateDeviation = recipe.method.maxRateDeviation
    request.linearSet = recipe.linearSet
    request.method = recipe.method
    return request
  }

  private func merged(
    _ recipe: MergeRecipe, _ directory: ScratchDirectory, _ name: String
  ) throws -> TinyModel {
    var run = RunOptions(threads: 2)
    run.spill = .off
    return try directory.merged(recipe, run, name)
  }

  @Test(
    "merges from them equal merges that compensate, byte for byte, with any weights",
    arguments: Mask.allCases, [DType.bf16, .f16, .f32])
  func sameBytes(mask: Mask, dtype: DType) throws {
    let merge = TinyMerge(family(207, dtype))
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let recipe = try recipe(mask, merge, directory)
    var stored = try merging(recipe, prune: "none")
    for index in recipe.models.indices {
      let path = directory("store-\(index)")
      _ = try PruneRun(request(recipe, index), options: RunOptions(threads: 2), output: path).run()
      stored.models[index].path = path
    }
    var masked = recipe
    masked.method.compensation = .none
    masked.method.sketchRank = stored.method.sketchRank
    masked.method.seed = stored.method.seed
    let plain = try merged(masked, directory, "plain")
    for weights in [[1.0, 1], [0.7, -1.3], [0.1, 2.5]] {
      var (direct, from) = (recipe, stored)
      for index in recipe.models.indices {
        direct.models[index].weight = weights[index % 2]
        from.models[index].weight = weights[index % 2]
      }
      let expected = try merged(direct, directory, "direct-\(weights)")
      try merged(from, directory, "stored-\(weights)").expectSameBytes(as: expected, "\(weights)")
      // The compensation changes something that would be missed.
      #expect(weights != [1, 1] || expected.tensors != plain.tensors)
    }
  }

  @Test(
    "what they know of layers is that of their deltas: they can be pruned once more",
    arguments: [
      Mask.dp, .rows,
    ])
  func prunedAgain(mask: Mask) throws {
    var family = family(218, .f32)
    // From zeros a merge writes the deltas themselves.
    for index in family.base.tensors.indices {
      let count = family.base.tensors[index].bytes.count
      family.base.tensors[index].bytes = [UInt8](repeating: 0, count: count)
    }
    let directory = try ScratchDirectory()
    let merge = TinyMerge(family)
    try merge.write(to: directory)
    var recipe = try recipe(mask, merge, directory)
    recipe.models = [recipe.models[0]]
    _ = try merged(recipe, directory, "deltas")
    _ = try PruneRun(
      request(recipe, 0), options: RunOptions(threads: 2), output: directory("store")
    )
    .run()
    var again = try merging(recipe, prune: "magnitude")
    again.method.pruningRate = try #require(PruningRate(0.93))
    again.models[0].path = directory("deltas")
    let expected = try merged(again, directory, "from deltas")
    again.models[0].path = directory("store")
    try merged(again, directory, "from store").expectSameBytes(as: expected, "\(mask)")
  }

  private func large() throws -> (ScratchDirectory, PruneRun.Request) {
    var spec = FamilySpec(seed: 11)
    spec.layerCount = 1
    spec.intermediateSize = 2800
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    return (directory, request(try recipe(.magnitude, merge, directory), 0))
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    try InputFile.contents(of: "\(path)/\(DeltaStore.fileName)", byteLimit: 1 << 30)
  }

  @Test("are the same however the run is done") func deterministic() throws {
    let (directory, request) = try large()
    var made: [[UInt8]] = []
    for (threads, io, chunk) in [(1, InputMode.mmap, 1), (3, .pread, 2), (2, .mmap, 8)] {
      var run = RunOptions(threads: threads)
      run.io = io
      run.chunkElements = chunk * Granularity.grainElements
      run.stripElements = 2 * Granularity.grainElements
      let path = directory("store-\(threads)")
      _ = try PruneRun(request, options: run, output: path).run()
      made.append(try bytes(path))
    }
    #expect(made[0] == made[1] && made[0] == made[2])
    #expect(
      try DeltaStore.open(directory("store-1"))?.contents(checksFrames: true).isEmpty == false)
  }

  @Test("are the same after a run that was killed") func resume() throws {
    let (directory, request) = try large()
    var run = RunOptions(threads: 1)
    run.stripElements = Granularity.grainElements
    run.journalPace.interval = .zero
    let whole = FailingDisk(under: directory("expected"))
    _ = try PruneRun(request, options: run, output: directory("expected")).run()
    whole.end()
    let expected = try bytes(directory("expected"))
    for position in stride(from: 0, to: whole.calls.count, by: max(1, whole.calls.count / 16)) {
      let disk = FailingDisk(under: directory("killed"), .kill, at: position)
      _ = try? PruneRun(request, options: run, output: directory("killed")).run()
      disk.end()
      if position % 2 == 1 {
        var generator = RepeatableGenerator(seed: UInt64(position))
        disk.losePower(using: &generator)
      }
      _ = try PruneRun(request, options: run, output: directory("killed")).run()
      #expect(try bytes(directory("killed")) == expected, "killed at call \(position)")
      guard
        case .wasFinished = try PruneRun(request, options: run, output: directory("killed")).run()
      else {
        Issue.record("made once more")
        return
      }
      try Directory.remove(directory("killed"))
    }
  }

  @Test("are refused where a merge would do something else", arguments: ["dare", "none", "wanda"])
  func refusals(prune: String) throws {
    var (directory, request) = try large()
    request.method?.pruning = try #require(MethodParameters.Pruning(rawValue: prune))
    request.method?.sketchRank = MethodParameters().sketchRank
    #expect(throws: PipelineError.self) {
      try PruneRun(request, options: RunOptions(threads: 1), output: directory("x"))
    }
    #expect(try FileStatus.of(directory("x")) == nil)
  }
}
