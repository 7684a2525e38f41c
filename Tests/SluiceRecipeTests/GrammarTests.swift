import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRecipe
import SluiceRun
import SluiceTestSupport
import Testing

/// Recipes as people write them for mergekit.
@Suite("mergekit's grammar")
struct GrammarTests {
  private func parse(_ text: String, in directory: String = "/nowhere") throws -> RecipeFile {
    try RecipeFile.parse(
      text, name: "r", directory: directory, options: RunOptions(threads: 1))
  }

  private func messages(_ text: String) throws -> [String] {
    try parse(text).runOptions.notes.map(\.message)
  }

  private static let ties = """
    merge_method: ties
    base_model: b
    models: [{model: m, parameters: {weight: 1}}]

    """

  @Test(
    "a key that nobody knows changes nothing, and the closest one is named",
    arguments: [
      ("dtypes: float16", "dtypes", "Did you mean dtype?"),
      ("parameters: {normalise: false}", "parameters.normalise", "Did you mean normalize?"),
      ("select_topk: 0.5", "select_topk", "Known are: "),
    ])
  func unknown(more: String, key: String, advice: String) throws {
    let file = try parse(Self.ties + more)
    let note = try #require(file.runOptions.notes.first)
    #expect(file.runOptions.notes.count == 1 && note.kind == .ignoredKey)
    #expect(
      note.message.hasPrefix("\(key): there is no such key, and it changes nothing. \(advice)"))
    #expect(note.subject.file?.hasPrefix("r:4:") == true)
    #expect(try file.recipe == parse(Self.ties).recipe)
  }

  @Test(
    "what changes nothing in mergekit changes nothing here, without a word",
    arguments: [
      "parameters: {int8_mask: true}", "int8_mask: true", "parameters: {t: 0.5, select_topk: 0.1}",
      "dtype: null", "tokenizer_source: ~", "slices:", "parameters:",
    ])
  func silent(more: String) throws {
    #expect(try messages(Self.ties + more) == [])
    #expect(try parse(Self.ties + more).recipe == parse(Self.ties).recipe)
  }

  @Test("very many unknown keys are said in few words")
  func many() throws {
    let notes = try messages(Self.ties + (0..<5000).map { "k\($0): 1\n" }.joined())
    #expect(notes.count == 21 && notes.last == "4980 more keys of this mapping are not known")
  }

  @Test("anchors, aliases and merge keys stand for what they name")
  func anchors() throws {
    let short = """
      merge_method: &method ties
      base_model: &base b
      x-common: &common {weight: 0.5, density: &d [0.2, 0.8]}
      models:
        - {model: m, parameters: *common}
        - {model: k, parameters: {<<: *common, weight: 0.25}}
        - {model: o, parameters: {<<: [{weight: 3}, *common], density: *d}}
        - model: *base
      """
    let long = """
      merge_method: ties
      base_model: b
      models:
        - {model: m, parameters: {weight: 0.5, density: [0.2, 0.8]}}
        - {model: k, parameters: {weight: 0.25, density: [0.2, 0.8]}}
        - {model: o, parameters: {weight: 3, density: [0.2, 0.8]}}
        - model: b
      """
    #expect(try parse(short).recipe == parse(long).recipe)
  }

  @Test(
    "numbers and truth values are those of YAML 1.1",
    arguments: [
      ("1e-1", 0.1), ("\"1e-1\"", 0.1), ("1_0.5", 10.5), ("0x10", 16), ("010", 8), ("0b11", 3),
      ("1:30", 90), ("+.5", 0.5), ("-1.", -1), ("!!float 2", 2), ("!!str 2", 2), ("yes", 1),
      ("'010'", 10),
    ])
  func numbers(text: String, number: Double) throws {
    let recipe = try parse(Self.ties + "parameters: {lambda: \(text)}").recipe
    #expect(recipe.steps?.shared["lambda"] == [ScopedNumber(.constant(number))])
  }

  @Test(
    "truth values have many words, and no others",
    arguments: ["yes", "Yes", "YES", "on", "true", "True", "1", "1.0"])
  func truths(text: String) throws {
    let recipe = try parse(Self.ties + "parameters: {normalize: \(text)}").recipe
    #expect(recipe.steps?.shared["normalize"] == [ScopedNumber(.constant(1))])
    for wrong in ["0.5", "yEs", "y", "maybe", "'yes'", "[]", "{}"] {
      #expect(throws: RecipeError.self) {
        try parse(Self.ties + "parameters: {normalize: \(wrong)}")
      }
    }
  }

  @Test("a model may be a mapping, with a revision and an adapter")
  func references() throws {
    let text = """
      merge_method: linear
      models:
        - {model: {model: {path: org/one, revision: v2}, override_architecture: X}, parameters: {weight: 1}}
        - {model: {model: {path: m}, lora: {path: a}}, parameters: {weight: 1}}
        - {model: org/two@main, parameters: {weight: 1}}
      """
    let recipe = try parse(text).recipe
    #expect(recipe.base == "org/one@v2")
    #expect(recipe.models[0].path == "/nowhere/m" && recipe.models[0].adapters.count == 1)
    #expect(recipe.models[1].path == "org/two@main")
  }

  @Test("paths start at the working directory, and at the recipe's where nothing lies there")
  func places() throws {
    let scratch = try ScratchDirectory()
    // Tests run in the repository, which has these folders.
    for name in ["docs/x", "here/x"] { try scratch.write("", to: name) }
    func read(_ more: String = "") throws -> (recipe: MergeRecipe, notes: [Warning]) {
      let file = try RecipeFile.parse(
        "merge_method: ram\nbase_model: scripts\nmodels: [{model: docs}, {model: here}]\n\(more)",
        directory: scratch.path, options: RunOptions(threads: 1))
      return (file.recipe, file.runOptions.notes)
    }
    let (recipe, notes) = try read()
    #expect(recipe.base == "scripts")
    #expect(recipe.models.map(\.path) == ["docs", scratch("here")])
    #expect(notes.map(\.kind) == [.modelPlace, .modelPlace])
    #expect(notes[0].message.contains("the one in the working directory is taken"))
    #expect(notes[1].message.contains("the one beside the recipe is taken"))
    let own = try read("sluice: {paths: recipe}")
    #expect(own.recipe.models.map(\.path) == [scratch("docs"), scratch("here")])
    #expect(own.recipe.base == scratch("scripts") && own.notes.isEmpty)
  }
}
