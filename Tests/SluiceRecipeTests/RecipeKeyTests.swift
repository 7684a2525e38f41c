import Foundation
import SluiceCore
import SluiceMethods
import SluicePipeline
import SluiceRecipe
import Testing

@testable import SluiceCommand

@Suite("Recipe keys")
struct RecipeKeyTests {
  /// A value that is not the default, as a recipe and a flag write it.
  static func sample(_ key: RecipeKey) -> (value: RecipeValue, recipe: String, flag: String) {
    switch key.kind {
    case .number(let range):
      let number: Double =
        switch range {
        case .rate, .share, .density: 0.375
        case .positive, .notNegative, .any: 2.5
        case .width: 0.25
        case .whole: 7
        }
      return (.number(number), "\(number)", "\(number)")
    case .word(let words):
      let standard = key.defaultValue
      let word = words.last { .word($0) != standard } ?? words[0]
      return (.word(word), word, word)
    case .integer: return (.integer(1 << 63), "9223372036854775808", "9223372036854775808")
    case .size: return (.size(ByteCount(3_000_000)), "3MB", "3MB")
    case .patterns: return (.patterns(["a*b", "c"]), "[\"a*b\", c]", "a*b")
    case .dtype: return (.word("F16"), "float16", "F16")
    }
  }

  static let families = RecipeKey.all.map(\.name)

  @Test("each key means the same in both forms", arguments: families)
  func forms(name: String) throws {
    let key = try #require(RecipeKey.named(name))
    let sample = RecipeKeyTests.sample(key)
    let settled = ["prune", "merge"].contains(name)
    let setting = "\(name): \(sample.recipe)"
    let top = name == "dtype" ? setting : "parameters: {\(setting)}"
    let method = "merge_method: dppa\nbase_model: b\nmodels: {m: m}\n\(settled ? "" : top)"
    let chain = """
      base: b
      models: {m: m}
      stages:
      """
    let names = [
      "read", "delta", "significance", "assign-rates", "mask", "amplify", "merge", "write",
    ]
    let stages = names.map { stage in
      stage == key.place.stage
        ? "  - \(stage): {\(key.place.key): \(sample.recipe)}" : "  - \(stage)"
    }
    let options = RunOptions(threads: 1)
    let fromChain = try RecipeFile.parse(
      ([chain] + stages).joined(separator: "\n"), options: options
    ).recipe
    #expect(key.get(fromChain) == sample.value)
    guard !settled else { return }
    let fromMethod = try RecipeFile.parse(method, options: options).recipe
    #expect(key.get(fromMethod) == sample.value)
    #expect(fromMethod == fromChain && fromMethod.fingerprint == fromChain.fingerprint)
  }

  @Test("each key has a flag of its name, and the flag means the same", arguments: families)
  func flags(name: String) throws {
    let key = try #require(RecipeKey.named(name))
    let sample = RecipeKeyTests.sample(key)
    let recipe = try RecipeOptions.parse(
      ["--base", "b", "--model", "m=m", "--\(name)", sample.flag]
    ).recipe()
    let isList = if case .patterns = sample.value { true } else { false }
    let expected = isList ? RecipeValue.patterns(["a*b"]) : sample.value
    #expect(key.get(recipe) == expected)
  }

  @Test("each key changes the fingerprint and survives the resolved text", arguments: families)
  func fingerprint(name: String) throws {
    let key = try #require(RecipeKey.named(name))
    let standard = MergeRecipe(
      base: "/b", models: [.init(name: "m", path: "/m")],
      method: MethodParameters(pruningRate: .standard))
    var changed = standard
    key.set(&changed, RecipeKeyTests.sample(key).value)
    let hasOtherValue = key.get(changed) != key.get(standard)
    #expect((changed.fingerprint != standard.fingerprint) == hasOtherValue)
    let again = try RecipeFile.parse(changed.resolvedText, options: RunOptions(threads: 1)).recipe
    #expect(again == changed)
  }

  @Test("no parameter of methods is without a key")
  func coverage() {
    let standard = MethodParameters(pruningRate: .standard)
    let all = Set(Mirror(reflecting: standard).children.compactMap(\.label))
    var seen: Set<String> = []
    for key in RecipeKey.all {
      var recipe = MergeRecipe(base: "", models: [], method: standard)
      key.set(&recipe, RecipeKeyTests.sample(key).value)
      let before = Mirror(reflecting: standard).children
      let after = Mirror(reflecting: recipe.method).children
      for (a, b) in zip(before, after) where "\(a.value)" != "\(b.value)" {
        if let label = a.label { seen.insert(label) }
      }
    }
    #expect(seen == all)
  }

  @Test("the reference page has every key")
  func page() throws {
    let page = try String(
      contentsOfFile: FamilyDirectory.repository + "/docs/reference/recipes.md", encoding: .utf8)
    for key in RecipeKey.all {
      let row =
        "| `\(key.name)` | \(key.kindText) | \(key.defaultText) | "
        + "`\(key.place.stage)`: `\(key.place.key)` | \(key.summary) |"
      #expect(page.contains(row), "missing: \(row)")
    }
  }
}

extension RecipeKey {
  var kindText: String {
    switch kind {
    case .number(let range): "a number \(range.rawValue)"
    case .integer: "a whole number"
    case .word(let words): words.map { "`\($0)`" }.joined(separator: ", ")
    case .size: "a size"
    case .patterns: "a list of patterns"
    case .dtype: "`F32`, `F16`, `BF16`, `F64`"
    }
  }

  var defaultText: String { defaultValue.recipeText.map { "`\($0)`" } ?? "none" }
}
