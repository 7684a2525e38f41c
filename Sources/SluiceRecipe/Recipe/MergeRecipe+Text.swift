internal import SluiceCore
internal import SluiceMethods

/// The chain form of a recipe with everything said: what a method, flags or a shorter recipe mean.
extension MergeRecipe {
  /// The name of the file in the output.
  package static let resolvedFileName = "sluice-recipe.yaml"

  /// The recipe as a text that can be run again and gives the same bytes.
  ///
  /// - Parameter paths: How paths are written.
  /// - Returns: The text.
  package func resolvedText(_ paths: WrittenPaths = .asGiven) -> String {
    let head = resolvedHead(paths)
    if let steps { return head + stepText(steps, paths) }
    var text = head
    text += "base: \(quoted(paths.model(base)))\nmodels:\n"
    for model in models {
      let (name, path) = (quoted(model.name), model.placeText(paths))
      text += name.isLongKey ? "  ? \(name)\n  : \(path)\n" : "  \(name): \(path)\n"
    }
    text += "stages:\n"
    // Weights that follow from losses are no choice of the recipe's.
    var choices = self
    if extraFiles[.losses] != nil {
      for model in models.indices { choices.models[model].weight = 1 }
    }
    for stage in choices.resolvedStages(paths) {
      let arguments = stage.arguments
      text += arguments.isEmpty ? "  - \(stage.name)\n" : "  - \(stage.name): {\(arguments)}\n"
    }
    return text
  }

  private func resolvedHead(_ paths: WrittenPaths) -> String {
    var text = "# The resolved recipe of this merge: sluice run gives the same bytes again.\n"
    if paths.isRelative { text += "# Paths start at the directory of this file.\n" }
    if self.paths.contains(where: paths.isLeftOut) {
      text +=
        "# What lies elsewhere is only named: say where, with --base PATH and --model NAME=PATH.\n"
    }
    return text
  }

  /// A stage as the chain form writes it.
  package struct ResolvedStage {
    package var name: String
    /// What stands between the braces.
    package var arguments: String
  }

  /// The stages in order, each with the parameters that the methods look at.
  package func resolvedStages(_ paths: WrittenPaths = .asGiven) -> [ResolvedStage] {
    if let steps { return resolvedStages(steps) }
    var result = ["read", "delta"].map(builtIn) + custom(after: .delta, paths)
    result.append(significanceStage)
    result.append(ratesStage)
    result += [maskStage(paths)] + custom(after: .mask, paths)
    result += [amplifyStage] + custom(after: .amplify, paths)
    return result + [mergeStage(paths), builtIn("write")]
  }

  /// The paths of all models, adapters and files.
  private var paths: [String] {
    [base] + extraFiles.values
      + models.flatMap { [$0.path] + $0.adapters.map(\.path) + $0.extraFiles.values }
  }

  func builtIn(_ name: String) -> ResolvedStage {
    ResolvedStage(name: name, arguments: pairs(name).joined(separator: ", "))
  }

  private func custom(
    after place: PlacedTransform.Place, _ paths: WrittenPaths
  ) -> [ResolvedStage] {
    stages.transforms.filter { $0.place == place }.map { placed in
      ResolvedStage(
        name: placed.transform.name,
        arguments: ExecArguments.text(of: placed.transform, paths))
    }
  }

  private var significanceStage: ResolvedStage {
    guard let own = stages.significance else { return builtIn("significance") }
    let arguments = own.arguments.isEmpty ? "" : ", \(own.arguments)"
    return ResolvedStage(
      name: "significance", arguments: "statistic: \(quoted(own.name))\(arguments)")
  }

  private var ratesStage: ResolvedStage {
    // Some prunings have one rule for their rates; there is nothing to say then.
    let hasForm = stages.rates == nil && method.pruning.row.fixedRates == nil
    var pairs = pairs("assign-rates", leavingOut: hasForm ? [] : ["form"])
    if let own = stages.rates {
      pairs.insert("form: \(quoted(own.name))", at: 0)
      if !own.arguments.isEmpty { pairs.append("with: {\(own.arguments)}") }
    }
    let special = models.filter { $0.pruningRate != nil }
    if !special.isEmpty {
      let list = special.map { "\(key($0.name)): \($0.pruningRate?.recipeText ?? "")" }
      pairs.append("model-rates: {\(list.joined(separator: ", "))}")
    }
    return ResolvedStage(name: "assign-rates", arguments: pairs.joined(separator: ", "))
  }

  private func maskStage(_ paths: WrittenPaths) -> ResolvedStage {
    let files = filePairs(of: method.pruning.row, paths)
    return ResolvedStage(name: "mask", arguments: (pairs("mask") + files).joined(separator: ", "))
  }

  /// The files that a method reads.
  private func filePairs(of row: some MethodRow, _ paths: WrittenPaths) -> [String] {
    (row.files.needed + row.files.optional).compactMap { file in
      func text(_ path: String) -> String { quoted(paths.file(path)) }
      guard file.isOfModel else {
        return extraFiles[file].map { "\(file.rawValue): \(text($0))" }
      }
      let list = models.compactMap { model in
        model.extraFiles[file].map { "\(key(model.name)): \(text($0))" }
      }
      return list.isEmpty ? nil : "\(file.rawValue): {\(list.joined(separator: ", "))}"
    }
  }

  private var amplifyStage: ResolvedStage {
    var pairs = pairs("amplify")
    for model in models where !model.amplification.isEmpty {
      let factors = model.amplification.map { "\($0)" }.joined(separator: ", ")
      pairs.append("\(key(model.name)): [\(factors)]")
    }
    return ResolvedStage(name: "amplify", arguments: pairs.joined(separator: ", "))
  }

  private func mergeStage(_ paths: WrittenPaths) -> ResolvedStage {
    var pairs = pairs("merge", leavingOut: stages.merging == nil ? [] : ["operator"])
    if let own = stages.merging {
      pairs.insert("operator: \(quoted(own.name))", at: 0)
      let arguments = ExecArguments.text(of: own, paths)
      if !arguments.isEmpty { pairs.append("with: {\(arguments)}") }
    }
    pairs += filePairs(of: method.merging.row, paths)
    let weights = models.filter { $0.weight != 1 || $0.weightByTensor != nil }.map { model in
      "\(key(model.name)): \(model.weightByTensor?.recipeText ?? "\(model.weight)")"
    }
    if !weights.isEmpty { pairs.append("weights: {\(weights.joined(separator: ", "))}") }
    return ResolvedStage(name: "merge", arguments: pairs.joined(separator: ", "))
  }

  private func pairs(_ stage: String, leavingOut: Set<String> = []) -> [String] {
    ParameterRow.settings(of: stage)
      .filter { !leavingOut.contains($0.place.key) && method.uses($0) }
      .compactMap { row in method[row].recipeText.map { "\(row.place.key): \($0)" } }
  }
}

extension AnyParameterValue {
  /// The value as a recipe writes it; nil if it is not given.
  package var recipeText: String? {
    switch self {
    case .number(let number):
      number == number.rounded() && number.magnitude < 0x1p53
        ? "\(Int(number))" : "\(number)"
    case .integer(let number): "\(number)"
    case .rank(let rank): rank.text
    case .toggle(let isOn): isOn ? "on" : "off"
    case .word(let word): word
    case .size(let size): size.exactText
    case .patterns(let patterns):
      patterns.isEmpty ? nil : "[\(patterns.map(quoted).joined(separator: ", "))]"
    case .none: nil
    }
  }
}

extension MergeRecipe.Model {
  /// Where the model lies, as a recipe says it.
  fileprivate func placeText(_ paths: WrittenPaths) -> String {
    let path = quoted(paths.model(path))
    guard !adapters.isEmpty else { return path }
    let list = adapters.map { adapter in
      "{path: \(quoted(paths.model(adapter.path))), scale: \(adapter.scale)}"
    }
    return "{path: \(path), adapters: [\(list.joined(separator: ", "))]}"
  }
}

extension TensorNumber {
  /// The number as a recipe writes it.
  var recipeText: String {
    func text(_ value: Value) -> String {
      switch value {
      case .constant(let number): "\(number)"
      case .gradient(let numbers): "[\(numbers.map { "\($0)" }.joined(separator: ", "))]"
      }
    }
    if rules.count == 1, rules[0].filter == nil { return text(rules[0].value) }
    let list = rules.map { rule in
      let filter = rule.filter.map { "filter: \(quoted($0)), " } ?? ""
      return "{\(filter)value: \(text(rule.value))}"
    }
    return "[\(list.joined(separator: ", "))]"
  }
}

/// A text in double quotes, as YAML and JSON read it.
private func quoted(_ text: String) -> String { text.quotedForYAML }

/// A text as a key between braces.
private func key(_ text: String) -> String { text.quotedForYAML.asFlowKey }
