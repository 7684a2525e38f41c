import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@testable import SluiceSearch

@Suite("Candidates from stores") struct StoredCandidateTests {
  private func recipe(
    in scratch: ScratchDirectory, _ prune: String, _ dtype: DType
  ) throws -> MergeRecipe {
    var spec = FamilySpec(seed: 21)
    spec.baseDType = dtype
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = dtype }
    spec.layerCount = 1
    let family = spec.build()
    try family.base.write(to: scratch("base"))
    for tuned in family.fineTuned { try tuned.model.write(to: scratch(tuned.name)) }
    var method = MethodParameters(pruningRate: try #require(PruningRate(0.8)))
    method.pruning = try #require(.init(rawValue: prune))
    return MergeRecipe(
      base: scratch("base"),
      models: family.fineTuned.map { MergeRecipe.Model(name: $0.name, path: scratch($0.name)) },
      method: method)
  }

  private func weights(_ directory: String) throws -> [UInt8] {
    try InputFile.contents(of: directory + "/model.safetensors", byteLimit: 1 << 30)
  }

  @Test(
    "have the bytes of candidates from models",
    arguments: ["dppa", "dp", "magnitude", "owl", "dare"], [DType.bf16, .f32])
  func sameBytes(prune: String, dtype: DType) throws {
    let scratch = try ScratchDirectory()
    let recipe = try recipe(in: scratch, prune, dtype)
    let options = RunOptions(threads: 2)
    let plain = PipelineCandidates(recipe, options: options)
    let stored = StoredCandidates(recipe, options: options, storesIn: scratch("stores"))
    let names = recipe.models.map(\.name)
    var all = Dictionary(uniqueKeysWithValues: names.map { ($0, Factors([1.4])) })
    all[names[0]] = Factors([1.2, 0.9])
    let candidates = [
      Candidate(.amplified(model: names[0], Factors([1.3, 1.1]))),
      Candidate(.amplified(model: names[0], Factors([0, 1.7]))),
      Candidate(.amplified(model: names[1], Factors([1]))), Candidate(.merged(all)),
    ]
    for (number, candidate) in candidates.enumerated() {
      let (one, other) = (scratch("plain-\(number)"), scratch("stored-\(number)"))
      try plain.make(candidate, at: one, cancellation: Cancellation())
      try stored.make(candidate, at: other, cancellation: Cancellation())
      #expect(try weights(one) == weights(other), "\(candidate)")
      #expect(try plain.identity(of: candidate) == stored.identity(of: candidate))
    }
    // What dare drops is drawn for each candidate, so there is nothing to store.
    #expect(try (FileStatus.of(scratch("stores/0")) != nil) == (prune != "dare"))
  }

  @Test("need the fine-tuned model once") func readsOnce() throws {
    let scratch = try ScratchDirectory()
    let recipe = try recipe(in: scratch, "dppa", .bf16)
    let options = RunOptions(threads: 1)
    let name = recipe.models[0].name
    let candidates = [Factors([1.1]), Factors([1.6, 1.2])].map {
      Candidate(.amplified(model: name, $0))
    }
    let plain = PipelineCandidates(recipe, options: options)
    for (number, candidate) in candidates.enumerated() {
      try plain.make(candidate, at: scratch("plain-\(number)"), cancellation: Cancellation())
    }
    let stored = StoredCandidates(recipe, options: options, storesIn: scratch("stores"))
    try stored.make(candidates[0], at: scratch("stored-0"), cancellation: Cancellation())
    try Directory.remove(scratch(name))
    try stored.make(candidates[1], at: scratch("stored-1"), cancellation: Cancellation())
    for number in candidates.indices {
      #expect(try weights(scratch("plain-\(number)")) == weights(scratch("stored-\(number)")))
    }
  }

  @Test("that stay name the models, and can be made again when the stores are gone")
  func kept() throws {
    let scratch = try ScratchDirectory()
    let recipe = try recipe(in: scratch, "dppa", .bf16)
    let options = RunOptions(threads: 1)
    let stored = StoredCandidates(recipe, options: options, storesIn: scratch("stores"))
    let candidate = Candidate(.amplified(model: recipe.models[0].name, Factors([1.2, 1.1])))
    try stored.make(candidate, at: scratch("tried"), cancellation: Cancellation())
    try stored.makeToKeep(candidate, at: scratch("kept"), cancellation: Cancellation())
    #expect(try weights(scratch("tried")) == weights(scratch("kept")))
    let text = String(
      decoding: try InputFile.contents(
        of: scratch("kept/sluice-recipe.yaml"), byteLimit: 1 << 20), as: UTF8.self)
    #expect(text.contains("\"../\(recipe.models[0].name)\"") && !text.contains("stores"))
  }

  @Test("have an identity in which the time of a store is no part") func storeTimes() throws {
    let scratch = try ScratchDirectory()
    var recipe = try recipe(in: scratch, "dppa", .bf16)
    let options = RunOptions(threads: 1)
    let request = try #require(PruneRun.Request(serving: recipe, model: 0))
    _ = try PruneRun(request, options: options, output: scratch("store")).run()
    recipe.models[0].path = scratch("store")
    let first = try MergePlan(recipe, options: options).manifest().identity
    try Directory.create(scratch("copy"))
    for entry in try Directory.list(scratch("store")) {
      try AtomicFile.copy(scratch("store/\(entry.name)"), to: scratch("copy/\(entry.name)"))
    }
    recipe.models[0].path = scratch("copy")
    #expect(try MergePlan(recipe, options: options).manifest().identity == first)
  }
}
