internal import ArgumentParser
internal import SluiceMethods
internal import SluiceRecipe

/// How adapters are read.
enum AdapterParameters: ParameterList {
  static var rows: [ParameterRow] { [.at(\.loraRounding), .at(\.loraExperts)] }
}

/// How adapters are looked at.
enum AdapterPackingParameters: ParameterList {
  static var rows: [ParameterRow] { [.at(\.loraExperts)] }
}

/// How a folded model is read and written.
enum FoldParameters: ParameterList {
  static var rows: [ParameterRow] {
    [
      .at(\.loraRounding), .at(\.loraExperts), .at(\.vocabulary), .at(\.outputDType),
      .at(\.shardSize),
    ]
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
