internal import ArgumentParser
internal import SluiceCore
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

struct FoldCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "fold",
    abstract: "Fold LoRA adapters into their base, whatever its size.",
    discussion: """
      Example:
        sluice fold --base llama --adapter llama-math-lora --out llama-math

      The base is read once and written once, in the memory you allow. Several adapters are added up; to \
      prune and merge them instead, see sluice merge --adapter. A run that was stopped goes on when the \
      same command is given again.
      """)

  @Option(help: "The base model: a directory, or a .safetensors or PyTorch .bin file.")
  var base: String

  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp("The directory of an adapter; repeat for each.", valueName: "path"))
  var adapters: [String] = []

  @Option(
    help: ArgumentHelp(
      "What the deltas of the adapters are multiplied by, in their order; 1 where none is given.",
      valueName: "s1,s2,..."))
  var scale: String?

  @Option(
    name: [.customShort("o"), .customLong("out")], help: "The directory of the folded model.",
    completion: .directory)
  var out: String

  @Flag(name: .customLong("dry-run"), help: "Show the plan and write nothing.")
  var isDryRun = false

  @OptionGroup(title: "What is read and written") var parameters: ListedOptions<FoldParameters>
  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let merge = Merge(
      recipe: try recipe(), options: try controls.options(), out: out, output: output)
    if isDryRun { try merge.explain() } else { try merge.run() }
  }

  /// The merge that folding is: one model, nothing pruned, its deltas added to the base.
  private func recipe() throws -> MergeRecipe {
    guard !adapters.isEmpty else {
      throw UsageError("no adapter is given", remedy: "Add --adapter DIRECTORY.")
    }
    let scales = try scale.map { try AdapterOptions.numbers($0, "--scale") } ?? []
    guard scales.count <= adapters.count else {
      throw UsageError("--scale: \(scales.count) scales for \(adapters.count) adapters")
    }
    var model = MergeRecipe.Model(name: "adapter", path: base)
    model.adapters = adapters.enumerated().map { position, path in
      MergeRecipe.Adapter(path: path, scale: position < scales.count ? scales[position] : 1)
    }
    var method = MethodParameters.plainSum
    _ = try parameters.apply(to: &method)
    return MergeRecipe(base: base, models: [model], method: method)
  }
}
