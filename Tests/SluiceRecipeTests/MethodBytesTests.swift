import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

@Suite("Three ways to say a merge")
struct MethodBytesTests {
  /// Tensors of some dozens to some hundreds of elements.
  private static let family = Result {
    let directory = try FamilyDirectory { spec in
      (spec.hiddenSize, spec.intermediateSize, spec.vocabularySize) = (16, 24, 12)
      (spec.headCount, spec.keyValueHeadCount, spec.headSize) = (2, 1, 8)
      spec.layerCount = 1
    }
    try directory.writeMethodFiles()
    return directory
  }

  @Test(
    "method form, chain form and the flags of the command give the same bytes",
    arguments: MethodPair.some)
  func bytes(pair: MethodPair) throws { try MethodBytesTests.expectSameBytes(pair) }

  static func expectSameBytes(_ pair: MethodPair) throws {
    let directory = try MethodBytesTests.family.get()
    var options = RunOptions(threads: 1)
    options.isJournaled = false
    let flags = try directory.recipe(flags: pair.flags)
    let expected = try directory.run(flags, options: options).model
    let base = directory.family.base
    #expect(expected.tensors.contains { base[$0.name]?.bytes != $0.bytes }, "nothing was merged")
    for text in [pair.methodForm, pair.chainForm] {
      let recipe = try directory.recipe(text)
      #expect(recipe == flags && recipe.fingerprint == flags.fingerprint)
      try directory.run(recipe, options: options).model.expectSameBytes(as: expected)
    }
  }

  @Test("the pairs that the fast tests take have every method")
  func coverage() {
    #expect(Set(MethodPair.some.map(\.prune.name)) == Set(PruneMethod.table.map(\.name)))
    #expect(Set(MethodPair.some.map(\.merge.name)) == Set(MergeMethod.table.map(\.name)))
    // What solves for models goes with what prunes nothing, everything else with everything.
    let solving = MergeMethod.table.count {
      !$0.possiblePasses.isDisjoint(with: PassKind.solving)
    }
    let pruning = PruneMethod.table.count { $0.bands != .none }
    #expect(
      MethodPair.all.count
        == PruneMethod.table.count * MergeMethod.table.count - solving * pruning)
  }

  @Test(
    "a parameter that is refused would have changed nothing, with each method once",
    arguments: MethodPair.some)
  func strangers(pair: MethodPair) throws {
    let directory = try MethodBytesTests.family.get()
    let recipe = try directory.recipe(flags: pair.flags)
    var other = recipe
    let strangers = ParameterRow.all.filter { !recipe.method.uses($0) }
    #expect(!strangers.isEmpty)
    for row in strangers where row.name != "rates" {
      other.method[row] = ParameterTests.sample(row).value
    }
    #expect(other.method != recipe.method && other.fingerprint == recipe.fingerprint)
    #expect(other.resolvedText() == recipe.resolvedText())
    let expected = try directory.run(recipe).model
    try directory.run(other).model.expectSameBytes(as: expected)
  }

  @Test(
    "so do sluice run and sluice merge, each pruning and each merging once",
    arguments: MethodPair.some)
  func programs(pair: MethodPair) throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    try directory.writeMethodFiles()
    try directory.write(pair.methodForm, to: "method.yaml")
    try directory.write(pair.chainForm, to: "chain.yaml")
    let runs = [
      (["merge"] + pair.flags, "by-flags"), (["run", "method.yaml"], "by-method"),
      (["run", "chain.yaml"], "by-chain"),
    ]
    let models = try runs.map { arguments, output in
      let result = try SluiceProcess.run(
        arguments + ["--quiet", "--threads", "1", "--out", output], in: directory.path)
      #expect(result.exitCode == 0, "\(arguments): \(result.errors)")
      return try TinyModel.read(directory(output))
    }
    for model in models.dropFirst() { model.expectSameBytes(as: models[0]) }
  }
}
