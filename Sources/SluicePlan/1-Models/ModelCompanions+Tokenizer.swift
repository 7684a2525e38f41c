internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe

/// The tokenizer of a merged model, where it is not simply the base's.
extension ModelCompanions {
  private static let template = "chat_template.jinja"
  private static let added = "added_tokens.json"

  /// What lies beside the base's weights, with the tokenizer that the recipe wants.
  ///
  /// - Parameters:
  ///   - recipe: What is merged.
  ///   - sources: The models.
  ///   - tokenizerSource: The directory of the model whose tokenizer is taken; the base's if nil.
  ///   - copiesTokenizer: Whether a tokenizer that nothing is done to is copied.
  /// - Returns: The files, and what becomes of them.
  /// - Throws: If a directory cannot be listed, or a template is missing.
  static func merged(
    _ recipe: MergeRecipe, _ sources: TensorSources, tokenizerSource: String?,
    copiesTokenizer: Bool
  ) throws -> ModelCompanions {
    var source = tokenizerSource
    if let tokens = sources.tokens, let base = sources.base.checkpoint.directory,
      (try? Directory.resolve(base)) != tokens.directory
    {
      source = tokens.directory
    }
    var companions = try ModelCompanions(of: recipe.base, tokenizerSource: source)
    var change = sources.tokens?.change ?? TokenizerChange()
    change.template = try ChatTemplateChoice.text(recipe, sources)
    if !change.isEmpty {
      companions.change(change)
    } else if !copiesTokenizer, sources.tokens == nil {
      companions.leaveTokenizer()
    }
    return companions
  }

  private mutating func change(_ change: TokenizerChange) {
    for index in files.indices where change.changes(files[index].name) {
      files[index].change = change
    }
    let names = Set(files.map(\.name))
    if change.template != nil, !names.contains(ModelCompanions.template) {
      files.append(File(source: "", name: ModelCompanions.template, change: change))
    }
    // Without a tokenizer.json this is where tokens are added.
    if !change.added.isEmpty, names.isDisjoint(with: ["tokenizer.json", ModelCompanions.added]) {
      files.append(File(source: "", name: ModelCompanions.added, change: change))
    }
    files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  private mutating func leaveTokenizer() {
    let isLeft: (File) -> Bool = { file in
      ModelCompanions.tokenizer.contains(String(file.name.prefix { $0 != "/" }))
    }
    leftOut += files.filter(isLeft).map {
      LeftOut(name: $0.name, reason: "the tokenizer was not to be copied")
    }
    files.removeAll(where: isLeft)
  }
}

/// Which chat template a merged model gets.
enum ChatTemplateChoice {
  private static let byteLimit = 16 << 20

  /// The text; nil where the base's stays.
  static func text(_ recipe: MergeRecipe, _ sources: TensorSources) throws -> String? {
    guard let wanted = recipe.steps?.chatTemplate else { return nil }
    guard wanted == ChatTemplates.automatic else { return ChatTemplates.text(wanted) ?? wanted }
    // The template of most models; of several the one that comes first.
    var found: [(text: String, count: Int)] = []
    for model in [sources.base] + sources.models where !model.isAdapterAlone {
      let places =
        model.layers.isEmpty
        ? [model.checkpoint.directory].compactMap(\.self)
        : model.layers.filter { !$0.isGap }.map(\.path)
      for place in places.reduce(into: [String](), { if !$0.contains($1) { $0.append($1) } }) {
        guard let text = try template(in: place) else { continue }
        if let index = found.firstIndex(where: { $0.text == text }) {
          found[index].count += 1
        } else {
          found.append((text, 1))
        }
      }
    }
    let most = found.map(\.count).max()
    return found.first { $0.count == most }?.text
  }

  /// The template of a model, without white space around it.
  private static func template(in directory: String) throws -> String? {
    let file = "\(directory)/chat_template.jinja"
    var text = ""
    if try FileStatus.of(file)?.kind == .regularFile {
      text = String(decoding: try InputFile.contents(of: file, byteLimit: byteLimit), as: UTF8.self)
    } else {
      let config = "\(directory)/tokenizer_config.json"
      guard try FileStatus.of(config)?.kind == .regularFile else { return nil }
      let value = try JSONTree.read(config, byteLimit: TokenTable.maximumByteCount)["chat_template"]
      let named = value?.list.first { $0["name"]?.text == "default" }
      text = named?["template"]?.text ?? value?.text ?? ""
    }
    let letters = text.drop { $0.isWhitespace }
    let end = letters.lastIndex { !$0.isWhitespace }
    return end.map { String(letters[...$0]) }
  }
}
