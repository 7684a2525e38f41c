internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

/// The tokens of a merged model, row by row: whose they are, and which are added.
struct MergedTokens {
  /// The hash of each row's token; nil for rows without one.
  private(set) var tokens: [UInt64?]
  /// What becomes of the tokenizer's files.
  private(set) var change = TokenizerChange()
  /// The directory that they are taken from.
  let directory: String
  /// The number of rows, with those that fill it up.
  private(set) var rowCount = 0

  private var known: Set<UInt64>

  /// Looks at the tokenizers.
  ///
  /// - Parameters:
  ///   - vocabulary: Whose tokens they are.
  ///   - base: The directory of the model that gives the tokenizer where no other is named.
  ///   - others: The directories of all models, in order.
  ///   - tokenizers: Reads tokenizers.
  /// - Throws: If a tokenizer is missing, or is none.
  init(
    _ vocabulary: StepVocabulary, base: String, others: [String], _ tokenizers: inout Tokenizers
  ) throws {
    if case .model(let path) = vocabulary.source {
      directory = path
      tokens = try tokenizers.required(path).table.tokens
    } else {
      directory = base
      let own = try tokenizers.required(base)
      tokens = Array(own.table.tokens.prefix(own.limit))
      if own.table.tokens.count > own.limit { change.limit = own.limit }
    }
    while let last = tokens.last, last == nil { tokens.removeLast() }
    known = Set(tokens.compactMap(\.self))
    if vocabulary.source == .union {
      for place in others where place != base { try add(tokensOf: place, &tokenizers) }
    }
    var listed: [TokenTable.Text] = []
    for token in vocabulary.tokens where known.insert(TokenTable.hash(of: token.text)).inserted {
      listed.append(TokenTable.Text(token.text))
    }
    rowCount = MergedTokens.padded(tokens.count + listed.count, vocabulary.rowMultiple)
    for text in listed { add(text, TokenTable.hash(of: text.text)) }
  }

  private mutating func add(_ text: TokenTable.Text, _ hash: UInt64) {
    change.added.append(TokenizerChange.Added(id: tokens.count, token: text))
    tokens.append(hash)
  }

  /// Adds what a model has and nobody before it.
  private mutating func add(tokensOf place: String, _ tokenizers: inout Tokenizers) throws {
    guard let own = try tokenizers.read(place) else { return }
    var further: [UInt64] = []
    for case let hash? in own.table.tokens.prefix(own.limit) where known.insert(hash).inserted {
      further.append(hash)
    }
    guard !further.isEmpty else { return }
    let texts = try TokenTable.read(in: place, keeping: Set(further))?.texts ?? [:]
    for hash in further {
      guard let text = texts[hash] else { continue }
      add(text, hash)
    }
  }

  private static func padded(_ count: Int, _ multiple: Int?) -> Int {
    guard let multiple else { return count }
    return (count + multiple - 1) / multiple * multiple
  }
}

/// The tokenizers of directories, each read once.
struct Tokenizers {
  /// A tokenizer.
  struct Tokenizer {
    let table: TokenTable
    /// Its ids from here on have no rows.
    let limit: Int
    let ids: [UInt64: Int32]
  }

  private var known: [String: Tokenizer?] = [:]

  /// The tokenizer of a directory; nil where there is none.
  mutating func read(_ directory: String) throws -> Tokenizer? {
    if let found = known[directory] { return found }
    var tokenizer: Tokenizer?
    if let table = try TokenTable.read(in: directory), table.count > 0 {
      tokenizer = Tokenizer(
        table: table, limit: try Tokenizers.vocabularySize(directory) ?? table.tokens.count,
        ids: table.ids)
    }
    known[directory] = .some(tokenizer)
    return tokenizer
  }

  /// The same where there must be one.
  mutating func required(_ directory: String) throws -> Tokenizer {
    if let found = try read(directory) { return found }
    throw PipelineError.badInput(
      "there is no tokenizer.json, vocab.json, vocab.txt or tokenizer.model, and the recipe wants its tokens",
      file: directory,
      remedy: "Save the model's tokenizer beside its weights (save_pretrained), or leave the key "
        + "about tokenizers out.")
  }

  /// What the config says of the number of rows.
  private static func vocabularySize(_ directory: String) throws -> Int? {
    let path = "\(directory)/config.json"
    guard try FileStatus.of(path)?.kind == .regularFile else { return nil }
    let text = try InputFile.contents(of: path, byteLimit: Checkpoint.maximumConfigByteCount)
    return try ModelConfig(text, file: path).integer("vocab_size").flatMap { $0 > 0 ? $0 : nil }
  }
}
