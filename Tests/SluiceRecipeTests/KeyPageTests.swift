import Foundation
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import Testing

/// The keys of the reference page are those that recipes are read with, all of them and no others.
@Suite("The reference page of recipes")
struct KeyPageTests {
  private static let wrong = "zzzzzzzzzzzz"
  private static let head = "base_model: b\nmodels: {m: m}\n"
  private static let chain = "base: b\nmodels: {m: m}\nstages:\n"

  /// What is known where a wrong key stands: the parser says it in its hint.
  private func known(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> Set<String>
  {
    let error = #expect(throws: RecipeError.self, sourceLocation: sourceLocation) {
      try RecipeFile.parse(text, options: RunOptions(threads: 1))
    }
    let remedy = try #require(error?.failure.remedy, "\(error?.failure.message ?? "")")
    #expect(remedy.hasPrefix("Known are: "), sourceLocation: sourceLocation)
    return Set(
      remedy.dropFirst("Known are: ".count).dropLast().components(separatedBy: ", "))
  }

  /// The same in mergekit's grammar, where a wrong key is left aside, and said.
  private func noted(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> Set<String>
  {
    let file = try RecipeFile.parse(text, options: RunOptions(threads: 1))
    let note = try #require(
      file.runOptions.notes.first { $0.kind == .ignoredKey }, sourceLocation: sourceLocation)
    let list = try #require(note.message.components(separatedBy: "Known are: ").last)
    return Set(list.dropLast().components(separatedBy: ", "))
  }

  private func chainKeys(_ stage: String, _ arguments: String = "") throws -> Set<String> {
    let names = [
      "read", "delta", "significance", "assign-rates", "mask", "amplify", "merge", "write",
    ]
    var lines = names.map { name in
      name == stage ? "  - \(stage): {\(arguments)\(KeyPageTests.wrong): 1}" : "  - \(name)"
    }
    if stage == "merge-exec" {
      lines[6] = "  - exec: {kind: merge, command: [x], \(KeyPageTests.wrong): 1}"
    } else if !names.contains(stage) {
      lines.insert("  - \(stage): {\(arguments)\(KeyPageTests.wrong): 1}", at: 2)
    }
    return try known(KeyPageTests.chain + lines.joined(separator: "\n"))
  }

  /// The keys of all mappings that a recipe can hold, but for those that are names of models.
  private func keys() throws -> Set<String> {
    let wrong = KeyPageTests.wrong
    let head = KeyPageTests.head
    var keys = try known("merge_method: dppa\n\(head)\(wrong): 1")
    keys.formUnion(try known(KeyPageTests.chain + "  [read, delta, merge, write]\n\(wrong): 1"))
    keys.formUnion(try known("merge_method: dppa\n\(head)run: {\(wrong): 1}"))
    keys.formUnion(
      try known("merge_method: dppa\nbase_model: b\nmodels: [{model: m, \(wrong): 1}]"))
    keys.formUnion(
      try known("merge_method: dppa\nbase_model: b\nmodels: {m: {path: m, \(wrong): 1}}"))
    keys.formUnion(
      try known("merge_method: dp\n\(head)parameters: {weight: [{value: 1, \(wrong): 1}]}"))
    keys.formUnion(
      try known("merge_method: dp\n\(head)parameters: {weight: {groups: {\(wrong): 1}}}"))
    let grammar = "merge_method: ram\nbase_model: b\n"
    for text in [
      "models: [{model: m}]\n\(wrong): 1",
      "slices: [{sources: [{model: m, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}], \(wrong): 1}]",
      "models: [{model: m, \(wrong): 1}]",
      "modules: {default: {models: [{model: m}], \(wrong): 1}}",
    ] {
      keys.formUnion(try noted(grammar + text))
    }
    keys.formUnion(
      try known("\(grammar)models: [{model: {model: {path: m, \(wrong): 1}}}]"))
    keys.formUnion(
      try known("\(grammar)models: [{model: m}]\ntokenizer: {source: base, \(wrong): 1}"))
    for name in PruneMethod.table.map(\.name) + MergeMethod.table.map(\.name) where name != "none" {
      keys.formUnion(try known("merge_method: \(name)\n\(head)parameters: {\(wrong): 1}"))
      keys.formUnion(
        try known(
          "merge_method: \(name)\nbase_model: b\nmodels: {m: {path: m, parameters: {\(wrong): 1}}}")
      )
    }
    for stage in ["read", "delta", "significance", "assign-rates", "amplify", "write"] {
      keys.formUnion(try chainKeys(stage))
    }
    for row in PruneMethod.table { keys.formUnion(try chainKeys("mask", "by: \(row.name), ")) }
    for row in MergeMethod.table {
      keys.formUnion(try chainKeys("merge", "operator: \(row.name), "))
    }
    keys.formUnion(try chainKeys("exec", "command: [x], "))
    keys.formUnion(try chainKeys("merge-exec"))
    keys.formUnion(try chainKeys("drop", "rate: 0.5, "))
    let program = "exec: {command: [x], statistics: [{quantile: 1, \(wrong): 1}]}"
    keys.formUnion(try known(KeyPageTests.chain + "  [read, delta, \(program), merge, write]"))
    // The name of the model, where keys are names.
    return keys.subtracting(["m"])
  }

  @Test("every key that is read stands on the page, and every key on it is read")
  func page() throws {
    let page = try String(
      contentsOfFile: FamilyDirectory.repository + "/docs/reference/recipes.md", encoding: .utf8)
    let keys = try keys()
    #expect(keys.isSuperset(of: ["merge_method", "model-rates", "time-limit", "quantile"]))
    for key in keys.sorted() {
      let spellings = [key, key.replacingOccurrences(of: "-", with: "_")]
      // Some keys stand in a longer piece of code: {filter: .., value: ..}.
      let isThere = spellings.contains { page.contains("`\($0)`") || page.contains("{\($0): ") }
      #expect(isThere || page.contains(", \(key): "), "\(key) is not on the page")
    }
    let words = Set(
      PruneMethod.table.map(\.name) + MergeMethod.table.map(\.name)
        + ["dppa", "dare_ties", "dare_linear", "task_arithmetic", "drop", "exec"]
        + ParameterRow.all.map(\.place.stage))
    for line in page.split(separator: "\n") where line.hasPrefix("| `") {
      let first = line.split(separator: "|")[0]
      for name in first.split(separator: "`").enumerated() where name.offset % 2 == 1 {
        let name = String(name.element).replacingOccurrences(of: "_", with: "-")
        let isKnown = keys.contains { $0.replacingOccurrences(of: "_", with: "-") == name }
        #expect(
          isKnown || words.contains(name)
            || words.contains(name.replacingOccurrences(of: "-", with: "_")),
          "\(name) is on the page and not read")
      }
    }
  }
}
