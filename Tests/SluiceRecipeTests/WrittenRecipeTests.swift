import SluiceMethods
import SluiceRecipe
import SluiceStages
import Testing

/// What a merge leaves beside its result reads as the same recipe, wherever the base stands.
@Suite("Written recipes")
struct WrittenRecipeTests {
  /// Where the base of a recipe is named.
  enum BasePlace: CaseIterable { case nowhere, beside, first, between, last }

  @Test(
    "a recipe in mergekit's grammar is read again as it was written",
    arguments: StepMethod.table.map(\.name), BasePlace.allCases)
  func grammar(method: String, place: BasePlace) throws {
    var readCount = 0
    for lists in [["m/math"], ["m/math", "m/law"], ["m/math", "n/math", "b2/base"]] {
      for form in ListForm.allCases {
        for numbers in NumberPlace.allCases {
          let text = recipe(method, place, lists, form, numbers)
          guard let recipe = try? parse(text) else { continue }
          readCount += 1
          let again = try parse(recipe.resolvedText())
          #expect(again == recipe, "\(text)\n\(recipe.resolvedText())")
          #expect(again.fingerprint == recipe.fingerprint, "\(text)")
          #expect(again.resolvedText() == recipe.resolvedText(), "\(text)")
        }
      }
    }
    let row = try #require(StepMethod.named(method))
    let needsBase = row.base == .required && place == .nowhere
    let takesOne =
      row.base == .unused && row.models.most == 1 && ![.nowhere, .beside].contains(place)
    #expect((readCount == 0) == (needsBase || takesOne), "\(readCount)")
  }

  enum ListForm: CaseIterable { case plain, named, adapted, sliced, stacked }
  enum NumberPlace: CaseIterable { case shared, sharedList, own }

  private func recipe(
    _ method: String, _ place: BasePlace, _ models: [String], _ form: ListForm,
    _ numbers: NumberPlace
  ) -> String {
    var list = models
    switch place {
    case .nowhere, .beside: break
    case .first: list.insert("m/base", at: 0)
    case .between: list.insert("m/base", at: 1)
    case .last: list.append("m/base")
    }
    let base = place == .nowhere ? "" : "base_model: m/base\n"
    let names = ["weight", "density", "t", "gamma", "epsilon", "lambda", "scale"]
    let pairs = names.map { "\($0): \(numbers == .sharedList ? "[0.25, 0.5]" : "0.5")" }
    let block = "parameters: {\(pairs.joined(separator: ", "))}"
    let own = numbers == .own ? ", \(block)" : ""
    let shared = numbers == .own ? "" : block + "\n"
    let entries = list.enumerated().map { position, path in
      switch form {
      case .plain: "{model: \(path)\(own)}"
      case .named: "{model: \(path), name: own\(position)\(own)}"
      case .adapted: "{model: \(path == "m/base" ? path : path + "+a/one")\(own)}"
      case .sliced, .stacked: "{model: \(path), layer_range: [0, 2]\(own)}"
      }
    }
    let sources = "{sources: [\(entries.joined(separator: ", "))]}"
    let models =
      switch form {
      case .plain, .named, .adapted: "models: [\(entries.joined(separator: ", "))]\n"
      case .sliced: "slices: [\(sources)]\n"
      case .stacked: "slices: [\(sources), \(sources)]\n"
      }
    return "merge_method: \(method)\n\(base)\(models)\(shared)dtype: bfloat16\n"
  }

  private func parse(_ text: String) throws -> MergeRecipe {
    try RecipeFile.parse(text, directory: "/nowhere", options: RunOptions(threads: 1)).recipe
  }
}
