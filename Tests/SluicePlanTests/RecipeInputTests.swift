import Foundation
import SluiceCore
import SluiceFormats
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport
import Testing

/// What the small files of a recipe say, and what is refused.
@Suite("Files of losses, scores and coefficients") struct RecipeInputTests {
  private func plan(
    _ merge: String, _ file: MethodInputFile, _ text: String,
    change: (inout MergeRecipe) throws -> Void = { _ in }
  ) throws -> MergePlan {
    let directory = try ScratchDirectory()
    var spec = FamilySpec(seed: 1, fineTunes: [.init("a"), .init("b"), .init("c")])
    spec.layerCount = 1
    let family = spec.build()
    try family.base.write(to: directory("base"))
    var models: [MergeRecipe.Model] = []
    for tuned in family.fineTuned {
      try tuned.model.write(to: directory(tuned.name))
      models.append(MergeRecipe.Model(name: tuned.name, path: directory(tuned.name)))
    }
    var method = MethodParameters(pruningRate: try #require(PruningRate(0.5)))
    method.pruning = try #require(.init(rawValue: "none"))
    method.merging = try #require(.init(rawValue: merge))
    var recipe = MergeRecipe(base: directory("base"), models: models, method: method)
    let path = directory("input.json")
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    recipe.extraFiles[file] = path
    try change(&recipe)
    return try MergePlan(recipe, options: RunOptions(threads: 1))
  }

  @Test("Losses become weights, with the golden values")
  func losses() throws {
    let plan = try plan("lm-cocktail", .losses, #"{"a": 1, "b": 2, "c": 4}"#)
    for (model, weight) in zip(plan.recipe.models, [0.422379, 0.345815, 0.231806]) {
      #expect(abs(model.weight - weight) < 5e-7)
    }
  }

  @Test("A base with a loss takes its share")
  func baseLoss() throws {
    let plan = try plan("lm-cocktail", .losses, #"{"a": 2, "b": 2, "c": 2, "base": 2}"#)
    #expect(plan.recipe.models.map(\.weight) == [0.25, 0.25, 0.25])
  }

  @Test("A greedy soup keeps what makes it score strictly higher, best first")
  func soup() throws {
    let text = #"{"a": 0.5, "b": 0.7, "c": 0.6, "b+c": 0.7, "b+a": 0.8}"#
    let plan = try plan("greedy-soup", .scores, text)
    #expect(plan.recipe.models.map(\.name) == ["a", "b"])
    #expect(plan.warnings.contains { $0.kind == .leftOut && $0.subject.model == "c" })
    #expect(plan.passNames == ["merge"])
  }

  @Test("A soup and a model of the same name are refused")
  func soupName() throws {
    let text = #"{"b+c": 0.1, "b": 0.7, "c": 0.6}"#
    let error = #expect(throws: RecipeError.self) {
      _ = try plan("greedy-soup", .scores, text) { $0.models[0].name = "b+c" }
    }
    #expect(
      error?.failure.message == "the score of b+c would be that of a model and of a soup")
  }

  @Test(
    "What does not fit is refused",
    arguments: [
      ("greedy-soup", MethodInputFile.scores, #"{"a": 0.5, "b": 0.7, "c": 0.6}"#),
      ("greedy-soup", .scores, #"{"a": 0.5}"#),
      ("lm-cocktail", .losses, #"{"a": 1, "b": 2}"#),
      ("lm-cocktail", .losses, #"{"a": 1, "b": 2, "c": 3, "d": 4}"#),
      ("lm-cocktail", .losses, #"[1, 2, 3]"#),
      ("adamerging", .coefficients, #"{"a": 0.3, "b": 0.3}"#),
      ("adamerging", .coefficients, #"{"a": 0.3, "b": 0.3, "c": "x"}"#),
      ("sum", .losses, #"{"a": 1, "b": 2, "c": 3}"#),
    ])
  func refused(merge: String, file: MethodInputFile, text: String) throws {
    #expect(throws: (any Error).self) { _ = try plan(merge, file, text) }
  }

  @Test(
    "A name that occurs twice is refused",
    arguments: [
      (
        "lm-cocktail", MethodInputFile.losses, #"{"a": 1, "b": 2, "c": 4, "a": 1}"#,
        "a occurs twice"
      ),
      ("adamerging", .coefficients, #"{"a": 1, "b": 0, "c": 0, "\u0062": 0}"#, "b occurs twice"),
      (
        "adamerging", .coefficients, #"{"a": {"tensors": {"x": 0, "x": 1}}, "b": 0, "c": 0}"#,
        "x occurs twice"
      ),
    ])
  func twice(merge: String, file: MethodInputFile, text: String, message: String) throws {
    let error = #expect(throws: FormatError.self) { _ = try plan(merge, file, text) }
    #expect(error?.failure.message == message)
    #expect(error?.failure.exitCode == .badInput)
  }

  @Test("Coefficients outside 0 ... 1 are clamped, with a warning")
  func clamped() throws {
    let plan = try plan("adamerging", .coefficients, #"{"a": 1.5, "b": -1, "c": {"default": 0.5}}"#)
    #expect(plan.warnings.filter { $0.kind == .clampedRate }.count == 2)
  }

  @Test("Weights of a method that has none, and shares above 1, are refused")
  func weights() throws {
    #expect(throws: PipelineError.self) {
      _ = try plan("average", .losses, "{}") {
        $0.extraFiles = [:]
        $0.models[0].weight = 0.5
      }
    }
    #expect(throws: PipelineError.self) {
      _ = try plan("lm-cocktail", .losses, "{}") { $0.extraFiles = [:] }
    }
  }

  @Test("The plan names the passes of each version of TIES")
  func passes() throws {
    let names = try ["plain", "original", "mergekit"].map { flavor in
      try plan("ties", .losses, "{}") {
        $0.extraFiles = [:]
        $0.method.tiesFlavor = try #require(.init(rawValue: flavor))
      }.passNames
    }
    #expect(names == [["merge"], ["trim", "majority", "merge"], ["merge"]])
  }
}
