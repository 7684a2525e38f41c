internal import SluiceCore
internal import SluiceFormats

/// A recipe as a file says it: what is merged and how, and, apart from that, how the run is done.
public struct RecipeFile: Sendable {
  /// What is merged and how: everything that can change a byte.
  public private(set) var recipe: MergeRecipe
  /// The directory of the merged model, if the recipe names one.
  public let output: String?
  /// How the run is done: nothing of it changes a byte.
  public let runOptions: RunOptions

  /// Reads a recipe in either form, as YAML or JSON.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - stages: The stages that the recipe may name.
  ///   - options: The run options to start from.
  /// - Returns: The recipe; relative paths in it start from the file's directory, or, in mergekit's
  ///   grammar, from the working directory first. What was noticed is among the run options.
  /// - Throws: `RecipeError` with file, line and column; `FormatError` if the file cannot be read.
  public static func load(
    _ path: String, stages: StageRegistry = StageRegistry(), options: RunOptions
  ) throws -> RecipeFile {
    try RecipeFile(
      try RecipeText.read(file: path), directory: Directory.parent(of: path), stages, options)
  }

  /// Reads a recipe from a text.
  ///
  /// - Parameters:
  ///   - text: The text.
  ///   - name: What messages call it.
  ///   - directory: Where relative paths start.
  ///   - stages: The stages that the recipe may name.
  ///   - options: The run options to start from.
  /// - Returns: The recipe.
  /// - Throws: `RecipeError` with name, line and column.
  public static func parse(
    _ text: String, name: String = "recipe", directory: String = ".",
    stages: StageRegistry = StageRegistry(), options: RunOptions
  ) throws -> RecipeFile {
    try RecipeFile(
      try RecipeText.parse(Array(text.utf8), file: name), directory: directory, stages, options)
  }

  init(
    _ node: RecipeNode, directory: String, _ stages: StageRegistry,
    _ options: RunOptions
  ) throws {
    var map = try RecipeMap(RecipeField(node: node, path: ""))
    var run = options
    if let field = map.take("run") { try field.runOptions(&run) }
    var written: String?
    switch (map.peek("merge_method"), map.peek("stages")) {
    case (_?, let stages?):
      throw stages.error(
        "a recipe has merge_method or stages, not both",
        remedy: "sluice plan shows the stages that a method means.")
    case (nil, _?):
      var form = ChainForm(directory: directory, registry: stages)
      (recipe, written) = try form.read(&map)
      recipe.simplify()
      try map.finish()
    case (let method, nil):
      guard StepForm.isMeant(method, by: map) else {
        recipe = try MethodForm(directory: directory).read(&map)
        recipe.simplify()
        written = try map.take("out")?.text()
        try map.finish(reasons: ForeignKeys.top)
        break
      }
      var form = StepForm(directory: directory)
      recipe = try form.read(&map)
      written = try map.take("out")?.text()
      form.finish(map)
      run.notes += form.warnings
    }
    runOptions = run
    output = written.map { RecipePath.resolve($0, in: directory) }
  }
}
