import SluiceCore
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluiceCommand

@Suite("Dropping at random as a stage")
struct DropTests {
  private static func chain(_ stages: [String]) -> String {
    "base: models/base\nmodels: {math: models/math, law: models/law}\nstages:\n"
      + stages.map { "  - \($0)\n" }.joined()
  }

  @Test(
    "alone in a chain it gives what the pruning dare gives",
    arguments: [DType.bf16, .f32], [("all", "inverse"), ("linear", "none")])
  func dare(dtype: DType, how: (scope: String, rescale: String)) throws {
    let directory = try FamilyDirectory(dtype: dtype) { spec in
      // More than a block in a layer, and no multiple of one.
      (spec.layerCount, spec.intermediateSize) = (1, 77)
    }
    let dropped = try directory.recipe(
      DropTests.chain([
        "read", "delta",
        "drop: {rate: 0.6, seed: 11, scope: \(how.scope), rescale: \(how.rescale)}",
        "merge: {operator: sum}", "write",
      ]))
    let pruned = try directory.recipe(
      DropTests.chain([
        "read", "delta", "assign-rates: {pruning-rate: 0.6}",
        "mask: {by: dare, seed: 11, scope: \(how.scope)}", "amplify: {rescale: \(how.rescale)}",
        "merge: {operator: sum}", "write",
      ]))
    let expected = try directory.run(pruned).model
    try directory.run(dropped).model.expectSameBytes(as: expected)
    #expect(expected.tensors.map(\.bytes) != directory.family.base.sorted.tensors.map(\.bytes))
  }

  @Test("behind a mask it leaves the partitions alone, so that amplifying comes to the same")
  func partitions() throws {
    let directory = try FamilyDirectory { spec in spec.layerCount = 1 }
    func model(_ stages: [String]) throws -> TinyModel {
      let all = ["read", "delta", "significance", "assign-rates"] + stages + ["merge", "write"]
      return try directory.run(try directory.recipe(DropTests.chain(all))).model
    }
    // Powers of two commute with each other and with what is dropped.
    let (drop, amplify) = ("drop: {rate: 0.5, seed: 3}", "amplify: {math: [2, 4], law: [2]}")
    let before = try model(["mask", drop, amplify])
    try model(["mask", amplify, drop]).expectSameBytes(as: before)
    #expect(try model(["mask", amplify]).tensors.map(\.bytes) != before.tensors.map(\.bytes))
  }

  @Test("a density means the same by flag and in a recipe", arguments: ["0.9", "0.2", "0.07", "1"])
  func density(text: String) throws {
    let flags = try MergeCommand.parse(recipe: ["--base", "b", "--model", "m=m", "--density", text])
    let recipe = try RecipeFile.parse(
      "merge_method: dppa\nbase_model: b\nmodels: {m: m}\nparameters: {density: \(text)}",
      options: RunOptions(threads: 1))
    #expect(try flags.recipe() == recipe.recipe)
    let rate = recipe.recipe.method.pruningRate.value
    #expect(["0.9": 0.1, "0.2": 0.8, "0.07": 0.93, "1": 0][text] == rate)
  }
}
