import Foundation
import SluiceCore
import SluiceFormats
import SluicePlan
import SluiceRecipe
import SluiceRun
import Testing

@Suite("The page for the hub")
struct CardTests {
  private static let text = """
    merge_method: ties
    base_model: models/base
    models: [{model: models/math, parameters: {weight: 1}}, {model: models/law, parameters: {weight: 1}}]
    """

  private func options(card: Bool = true) -> RunOptions {
    var options = RunOptions(threads: 1)
    options.writesCard = card
    return options
  }

  @Test("says what the model is, in words and for the hub, without paths of the machine")
  func content() throws {
    let directory = try FamilyDirectory()
    try directory.write(
      "---\nlicense: apache-2.0\nlicense_link: https://x.org/a\ntags: [mine]\n---\nlicense: no\n",
      to: "models/base/README.md")
    let recipe = try directory.recipe(Self.text)
    let output = try directory.run(recipe, options: options()).output
    let page = try String(contentsOfFile: output + "/README.md", encoding: .utf8)
    #expect(
      page.hasPrefix(
        """
        ---
        library_name: transformers
        license: apache-2.0
        license_link: https://x.org/a
        tags:
        - merge
        - sluice
        ---
        # A merge of math, law

        """))
    let written = try String(contentsOfFile: output + "/sluice-recipe.yaml", encoding: .utf8)
    #expect(page.hasSuffix("```yaml\n\(written)```\n"))
    #expect(
      page.contains("* `ties`: ") && page.contains("Source: TIES-Merging (arXiv 2306.01708)."))
    #expect(page.contains("* base: base\n* math: math\n* law: law\n"))
    #expect(!page.contains(directory.path))
    let named = try ModelCard(try MergePlan(recipe, options: options()), recipe: "r\n") { path in
      path.hasSuffix("law") ? nil : "org/\(Directory.name(of: path))@0123"
    }.text()
    #expect(named.hasPrefix("---\nbase_model:\n- org/base\n- org/math\nlibrary_name"))
    #expect(named.contains("* math: org/math@0123\n"))
  }

  @Test("is written over no other, and not at all if it is not wanted")
  func others() throws {
    let directory = try FamilyDirectory()
    let recipe = try directory.recipe(Self.text)
    for name in ["out-1", "out-2"] { try directory.write("mine", to: "\(name)/README.md") }
    let output = try directory.run(recipe, options: options()).output
    #expect(Directory.name(of: output) == "out-1")
    #expect(try String(contentsOfFile: output + "/README.md", encoding: .utf8) == "mine")
    let none = try directory.run(recipe, options: options(card: false)).output
    #expect(try String(contentsOfFile: none + "/README.md", encoding: .utf8) == "mine")
    let bare = try directory.run(recipe, options: options(card: false)).output
    #expect(!FileManager.default.fileExists(atPath: bare + "/README.md"))
  }
}
