import SluicePlan
import SluiceRun
import SluiceRecipe
import Testing

/// Recipes as large as they may be, and texts that mean something to YAML.
@Suite("Hostile recipes")
struct HostileRecipeTests {
  private func parse(_ text: String) throws -> MergeRecipe {
    try RecipeFile.parse(text, name: "r", options: RunOptions(threads: 1)).recipe
  }

  @Test(
    "names keep every character when the recipe is written out",
    arguments: [
      "a\u{2028}b", "a\u{2029}b", "a\u{85}b", "a\u{7f}b", "a\u{9f}b", "\u{feff}a", "a\u{fffe}b",
      "a\u{ffff}", "a\u{1fffe}b", "a\nb", "a\tb", "a\\b", "a\"b", "a\u{1}b", " a ", "a: b", "#a",
      "🦙",
      "a\u{a0}b", "a\u{202e}b", "e\u{301}", "\u{e9}", "- a", "{a}", "%a", "@a", "`a", "~", "null",
      "1", String(repeating: "n", count: 3000), String(repeating: "\u{1}", count: 200),
      String(repeating: "模", count: 1000),
    ])
  func names(name: String) throws {
    var recipe = MergeRecipe(
      base: "/b\(name)", models: [.init(name: name, path: "/m\(name)")],
      method: .init(pruningRate: .standard))
    recipe.models[0].amplification = [1.5]
    recipe.models[0].weight = 2
    recipe.models[0].pruningRate = TensorNumber([.init(.constant(0.5))])
    let again = try parse(recipe.resolvedText())
    #expect(again.models.map { Array($0.name.unicodeScalars) } == [Array(name.unicodeScalars)])
    #expect(Array(again.models[0].path.unicodeScalars) == Array("/m\(name)".unicodeScalars))
    #expect(Array(again.base.unicodeScalars) == Array("/b\(name)".unicodeScalars))
    #expect(again.models[0].amplification == [1.5] && again.models[0].weight == 2)
    #expect(again.models[0].pruningRate == recipe.models[0].pruningRate)
    #expect(again.fingerprint == recipe.fingerprint)
  }

  @Test(
    "a program or model whose path has no last part is called like the root",
    arguments: ["/", "//"])
  func nameless(path: String) throws {
    for command in ["[\"\(path)\"]", "[sh, -c, \"\(path)\"]"] {
      let recipe = try parse(
        "base: b\nmodels: {m: m}\nstages: [read, delta, exec: {command: \(command)}, "
          + "merge: {operator: sum}, write]")
      #expect(recipe.stages.transforms[0].transform.stage.name == "/")
      #expect(try parse(recipe.resolvedText()).fingerprint == recipe.fingerprint)
    }
    let recipe = try parse("merge_method: dppa\nbase_model: b\nmodels: [{model: \"\(path)\"}]")
    #expect(recipe.models.map(\.name) == ["/"])
    #expect(try parse(recipe.resolvedText()).fingerprint == recipe.fingerprint)
  }

  @Test(
    "a sign that begins a name is none before an adapter",
    arguments: zip(
      ["m+a", "m+a+b", "+m", "+m+a", "x/+m", "m+x/+a", "m++a", "m+"], [1, 2, 0, 1, 0, 1, 0, 0]))
  func signs(path: String, adapterCount: Int) throws {
    let recipe = try RecipeFile.parse(
      "merge_method: dppa\nbase_model: b\nmodels: {m: \"\(path)\"}", directory: "/nowhere",
      options: RunOptions(threads: 1)
    ).recipe
    #expect(recipe.models[0].adapters.count == adapterCount)
    let again = try parse(recipe.resolvedText())
    #expect(again.models[0].path == recipe.models[0].path)
    #expect(again.models[0].adapters.map(\.path) == recipe.models[0].adapters.map(\.path))
    #expect(again.fingerprint == recipe.fingerprint)
  }

  @Test("as many models as fit are read in seconds, each with what is its own")
  func manyModels() throws {
    let count = 12_000
    let models = (0..<count).map { "m\($0): p" }.joined(separator: ", ")
    let weights = (0..<count).map { "m\($0): \($0 % 7)" }.joined(separator: ", ")
    let clock = ContinuousClock()
    let time = try clock.measure {
      let recipe = try parse(
        "base: b\nmodels: {\(models)}\nstages: [read, delta, "
          + "merge: {operator: sum, weights: {\(weights)}}, write]")
      #expect(recipe.models.count == count)
      #expect(recipe.models.enumerated().allSatisfy { $1.weight == Double($0 % 7) })
    }
    #expect(time < .seconds(20))
  }

  @Test("an unknown key as long as a recipe is refused at once, and so are very many")
  func longKeys() {
    let clock = ContinuousClock()
    let time = clock.measure {
      let long = "merge_method: dppa\nbase_model: b\nmodels: [{model: m}]\n? "
      for text in [
        long + String(repeating: "k", count: 500_000) + "\n: 1",
        long + "x\n: 1\n" + (0..<40_000).map { "k\($0): 1\n" }.joined(),
      ] {
        #expect(throws: RecipeError.self) { try parse(text) }
      }
    }
    #expect(time < .seconds(20))
  }
}
