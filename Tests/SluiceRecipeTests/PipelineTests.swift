import Foundation
import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Every recipe of `pipelines/` on a tiny family: with what it says that it equals.
@Suite("Pipelines")
struct PipelineTests {
  static let directory = FamilyDirectory.repository + "/pipelines"
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
    .filter { $0.hasSuffix(".yaml") }.sorted()
  /// Those that run programs in Python.
  static let withPrograms = names.filter {
    (try? String(contentsOfFile: directory + "/" + $0, encoding: .utf8))?.contains("python3")
      == true
  }
  static let withoutPrograms = names.filter { !withPrograms.contains($0) }

  @Test("there is a recipe for every method of the table, and the README lists them all")
  func list() throws {
    #expect(!PipelineTests.withPrograms.isEmpty && !PipelineTests.withoutPrograms.isEmpty)
    let page = try String(contentsOfFile: PipelineTests.directory + "/README.md", encoding: .utf8)
    for name in PipelineTests.names { #expect(page.contains("`\(name)`"), "\(name)") }
    let methods = try PipelineTests.names.map { name in
      try RecipeFile.load(PipelineTests.directory + "/" + name, options: RunOptions(threads: 1))
        .recipe.method
    }
    for row in MethodTable.entries {
      let isThere = methods.contains { method in
        switch row.kind {
        case "prune": method.pruning.rawValue == row.name
        case "rates":
          method.pruning.row.bands == .partitions
            && (method.pruning.row.fixedRates ?? method.rates).rawValue == row.name
        default: method.merging.rawValue == row.name
        }
      }
      #expect(isThere, "no recipe with \(row.kind) \(row.name)")
    }
    let recipes = try PipelineTests.names.map { name in
      try RecipeFile.load(PipelineTests.directory + "/" + name, options: RunOptions(threads: 1))
        .recipe
    }
    for method in StepMethod.table {
      #expect(recipes.contains { $0.steps?.method == method }, "no recipe with \(method.name)")
    }
  }

  @Test("each gives what it says, however it is run", arguments: withoutPrograms)
  func run(name: String) throws { try expectAsSaid(name) }

  @Test(
    "those with programs give what they say, however they are run",
    .enabled(if: Shell.hasNumPy, "the programs are in Python and use NumPy"),
    arguments: withPrograms)
  func runPrograms(name: String) throws { try expectAsSaid(name) }

  /// Merges a recipe, and what it says that it equals: by fingerprint, and by bytes where asked for.
  func expectAsSaid(_ name: String, mergesEqualOnes: Bool = false) throws {
    let path = PipelineTests.directory + "/" + name
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let family = try FamilyDirectory()
    if text.contains("models/files/") { try family.writeMethodFiles() }
    // As if models, files and programs stood beside the recipe.
    try FileManager.default.createSymbolicLink(
      atPath: family("stages"), withDestinationPath: PipelineTests.directory + "/stages")
    let recipe = try family.recipe(
      text.replacingOccurrences(of: "[python3,", with: "[\(Shell.python),")
        .replacingOccurrences(of: "- python3\n", with: "- \(Shell.python)\n"))
    let merged = try family.run(recipe)
    #expect(merged.model.tensors.map(\.bytes) != family.family.base.tensors.map(\.bytes))

    let lines = text.split(separator: "\n")
    if let flags = value(of: "# flags:", in: lines) {
      let equal = try family.recipe(flags: flags.split(separator: " ").map(String.init))
      #expect(equal.fingerprint == recipe.fingerprint)
      if mergesEqualOnes { try family.run(equal).model.expectSameBytes(as: merged.model) }
    }
    if let other = value(of: "# same as:", in: lines) {
      let equal = try family.recipe(
        String(contentsOfFile: PipelineTests.directory + "/" + other, encoding: .utf8))
      #expect(equal.fingerprint == recipe.fingerprint)
      if mergesEqualOnes { try family.run(equal).model.expectSameBytes(as: merged.model) }
    }
    // An interpreter that lies elsewhere is only named.
    let written = try String(
      contentsOfFile: merged.output + "/" + MergeRecipe.resolvedFileName, encoding: .utf8
    ).replacingOccurrences(
      of: "\"\(URL(fileURLWithPath: Shell.python).lastPathComponent)\"",
      with: "\"\(Shell.python)\"")
    let resolved = try RecipeFile.parse(
      written, directory: merged.output, options: RunOptions(threads: 1))
    #expect(resolved.recipe.fingerprint == recipe.fingerprint)
    var options = RunOptions(threads: 1)
    options.io = .pread
    options.stripElements = Granularity.grainElements
    try family.run(resolved.recipe, options: options).model.expectSameBytes(as: merged.model)
  }

  private func value(of key: String, in lines: [Substring]) -> String? {
    lines.first { $0.hasPrefix(key) }.map {
      $0.dropFirst(key.count).trimmingCharacters(in: .whitespaces)
    }
  }
}
