internal import SluiceCore
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe

extension PipelineError {
  static let restartRemedy =
    "Give the command that began it to go on with it; --restart throws its work away."

  static func otherManifestVersion(_ path: String, _ version: String) -> PipelineError {
    PipelineError.usage(
      "the unfinished run in it has a manifest of another format (\(version.printable); "
        + "this is \(Manifest.format) \(Manifest.version))", file: path,
      remedy: "Finish it with the version that began it; --restart throws its work away.")
  }

  static func linkedWork(_ path: String) -> PipelineError {
    PipelineError.usage(
      "expected the directory of an unfinished run, found a symbolic link", file: path,
      remedy: "Remove the link, or choose another --out.")
  }

  static func foreignJournal(_ path: String) -> PipelineError {
    PipelineError.usage(
      "not a journal of the run beside it, or of another version of the format", file: path,
      remedy: restartRemedy)
  }

  /// A fact as people know it: a parameter by its flag.
  private static func label(_ fact: String) -> String {
    guard fact.hasPrefix(MergeManifest.recipePrefix) else { return fact }
    let name = String(fact.dropFirst(MergeManifest.recipePrefix.count))
    if let row = ParameterRow.named(name) { return row.flag }
    let word = name.prefix { $0 != " " }
    return ModelParameter(rawValue: String(word)) != nil
      || ParameterRow.named(String(word)) != nil ? "--\(name)" : name
  }

  static func otherRun(
    _ path: String, _ differences: [(name: String, mine: String?, other: String?)]
  ) -> PipelineError {
    let inputs = differences.filter { $0.name.hasPrefix("input.") }
    let shown = (differences.filter { !$0.name.hasPrefix("input.") } + inputs).prefix(3).map {
      "\(label($0.name)) was \($0.other ?? "not given"), is \($0.mine ?? "not given")".printable
    }
    let rest = differences.count > 3 ? " and \(differences.count - 3) more" : ""
    let what =
      inputs.count == differences.count
      ? "the inputs changed since the unfinished run in it began"
      : "it holds an unfinished run of something else"
    return PipelineError(
      Failure(
        inputs.count == differences.count ? .badInput : .usage, subject: Subject(file: path),
        message: "\(what): \(shown.joined(separator: "; "))\(rest)", remedy: restartRemedy))
  }
}
