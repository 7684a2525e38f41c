internal import ArgumentParser
internal import SluiceAdapters
internal import SluiceRecipe

extension AdapterRounding: ExpressibleByArgument {}
extension ExpertPacking: ExpressibleByArgument {}

/// How adapters are read.
struct AdapterArithmetic: ParsableArguments {
  @Option(help: "How adapters' deltas are rounded: exact, or as PEFT rounds them, to be compared.")
  var loraRounding: AdapterRounding = .exact

  @Option(
    help: "Which library packed adapters of stacked experts; must be said where it matters.")
  var loraExperts: ExpertPacking?

  func apply(to recipe: inout MergeRecipe) {
    recipe.adapterRounding = loraRounding
    recipe.expertPacking = loraExperts
  }
}

/// The adapters of a merge.
struct AdapterOptions: ParsableArguments {
  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp(
      "A LoRA adapter, as a model of its own or added to the model of that name; repeat for each.",
      valueName: "name=path"))
  var adapters: [NamedValue] = []

  @Option(
    name: .customLong("adapter-scale"),
    help: ArgumentHelp(
      "What the deltas of a model's adapters are multiplied by, in their order; 1 where none is given.",
      valueName: "name=s1,s2,..."))
  var scales: [NamedValue] = []

  @OptionGroup var arithmetic: AdapterArithmetic

  /// Adds the adapters to their models, or as models of their own.
  func apply(to models: inout [MergeRecipe.Model], base: String) throws {
    for option in adapters {
      let adapter = MergeRecipe.Adapter(path: option.value)
      if let index = models.firstIndex(where: { $0.name == option.name }) {
        models[index].adapters.append(adapter)
      } else {
        var model = MergeRecipe.Model(name: option.name, path: base)
        model.adapters = [adapter]
        models.append(model)
      }
    }
    for option in scales {
      let scales = try AdapterOptions.numbers(option.value, "--adapter-scale \(option.name)")
      guard let index = models.firstIndex(where: { $0.name == option.name }) else {
        throw UsageError("--adapter-scale: there is no model \(option.name)")
      }
      let count = models[index].adapters.count
      guard scales.count <= count else {
        throw UsageError(
          "--adapter-scale \(option.name): \(scales.count) scales for \(count) adapters")
      }
      for (position, scale) in scales.enumerated() {
        models[index].adapters[position].scale = scale
      }
    }
  }

  static func numbers(_ text: String, _ option: String) throws -> [Double] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Double(part), number.isFinite else {
        throw UsageError("\(option)=\(text): scales are numbers")
      }
      return number
    }
  }
}
