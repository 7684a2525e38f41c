internal import ArgumentParser
internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

/// The models, and what is said of single ones.
typealias InputOptions = JoinedOptions<
  ModelPathOptions, JoinedOptions<AdapterOptions, ListedOptions<ModelParameterOptions>>
>

/// The models.
struct ModelPathOptions: ParsableArguments {
  @Option(
    help: "The base model: a directory, or a .safetensors or PyTorch .bin file.",
    completion: .file())
  var base: String

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "A fine-tuned model; repeat for each. Without a name it is called like the last part of the path.",
      valueName: "[name=]path"),
    completion: .file())
  var models: [PossiblyNamedPath] = []

  @Option(
    help: ArgumentHelp("Take the factors that a search found.", valueName: "search.json"),
    completion: .file(extensions: ["json"]))
  var amplifyFrom: String?

  @Option(
    help: ArgumentHelp(
      "The fraction to keep: another way to give the pruning rate.", valueName: "number"))
  var density: Double?
}

extension InputOptions {
  /// The models with what is said of each.
  func fineTunedModels() throws -> [MergeRecipe.Model] {
    var models = self.models.map { AdaptedPath($0.path).model(named: $0.name) }
    try second.first.apply(to: &models, base: self.base)
    try second.second.forEachModel(of: &models) { parameter, text, model throws(UsageError) in
      func numbers(_ texts: [Substring], _ what: String) throws(UsageError) -> [Double] {
        let numbers = texts.compactMap { Double($0) }
        guard numbers.count == texts.count else {
          throw UsageError("\(parameter.flag) \(model.name)=\(text): \(what)")
        }
        return numbers
      }
      switch parameter {
      case .amplify:
        model.amplification = try numbers(
          text.split(separator: ",", omittingEmptySubsequences: false), "factors are numbers")
      case .weight: model.weight = try numbers([text[...]], "a weight is a number")[0]
      }
    }
    return models
  }
}
