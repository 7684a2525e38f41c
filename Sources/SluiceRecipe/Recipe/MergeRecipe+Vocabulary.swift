internal import SluiceMethods

/// The tokens of a recipe in mergekit's grammar: as facts, and as they are written.
extension MergeRecipe {
  /// What is said of tokens and of the chat template.
  ///
  /// Models are known by their names, as everywhere.
  func vocabularyFacts(_ steps: StepSettings) -> [(name: String, value: String)] {
    var facts: [(name: String, value: String)] = []
    if let vocabulary = steps.vocabulary {
      let source =
        switch vocabulary.source {
        case .base: "base"
        case .union: "union"
        case .model(let path): "model \(name(at: path))"
        }
      facts.append(("tokens", source + (vocabulary.prefersBase ? ", the base's rows first" : "")))
      for token in vocabulary.tokens {
        let row =
          switch token.row {
          case nil: "as it is"
          case .zero: "zero"
          case .model(let path): "of \(name(at: path))"
          case .token(let text, let path): "that of \(text.quotedForYAML) of \(name(at: path))"
          case .number(let number, let path): "row \(number) of \(name(at: path))"
          }
        facts.append(
          ("token \(token.text.quotedForYAML)", row + (token.isForced ? ", forced" : "")))
      }
      if let multiple = vocabulary.rowMultiple { facts.append(("rows", "multiple of \(multiple)")) }
    }
    if let template = steps.chatTemplate {
      facts.append(("chat template", template.quotedForYAML))
    }
    return facts
  }

  private func name(at path: String) -> String {
    if path == base { return "base" }
    let model = models.first { model in
      model.path == path || model.layers.contains { $0.path == path }
    }
    return model?.name ?? "another model"
  }

  /// The keys that say so, each on a line of its own.
  func vocabularyText(_ steps: StepSettings, _ paths: WrittenPaths) -> String {
    var text = ""
    if let vocabulary = steps.vocabulary {
      let source =
        switch vocabulary.source {
        case .base: "base"
        case .union: "union"
        case .model(let path): paths.model(path).quotedForYAML
        }
      if vocabulary.tokens.isEmpty, vocabulary.rowMultiple == nil {
        text += "tokenizer_source: \(source)\n"
      } else {
        text += "tokenizer:\n  source: \(source)\n"
        if let multiple = vocabulary.rowMultiple { text += "  pad_to_multiple_of: \(multiple)\n" }
        if !vocabulary.tokens.isEmpty { text += "  tokens:\n" }
        for token in vocabulary.tokens {
          let key = token.text.quotedForYAML
          text += "    \(key.isLongKey ? "? \(key)\n    " : key): {\(values(token, paths))}\n"
        }
      }
    }
    if let template = steps.chatTemplate { text += "chat_template: \(template.quotedForYAML)\n" }
    return text
  }

  private func values(_ token: StepVocabulary.Token, _ paths: WrittenPaths) -> String {
    func model(_ path: String) -> String { paths.model(path).quotedForYAML }
    let row: String? =
      switch token.row {
      case nil: nil
      case .zero: "source: {kind: zero}"
      case .model(let path): "source: \(model(path))"
      case .token(let text, let path):
        "source: {kind: model_token, model: \(model(path)), token: \(text.quotedForYAML)}"
      case .number(let number, let path):
        "source: {kind: model_token, model: \(model(path)), token_id: \(number)}"
      }
    return [row, token.isForced ? "force: true" : nil].compactMap(\.self).joined(separator: ", ")
  }
}
