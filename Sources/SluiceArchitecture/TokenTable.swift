internal import SluiceCore
package import SluiceFormats

/// Which token each row of an embedding stands for: a hash for each id, so that vocabularies of any
/// size can be compared in little memory.
package struct TokenTable: Sendable {
  /// The longest file that is read.
  package static let maximumByteCount = 96 << 20
  /// No vocabulary has higher ids.
  private static let idLimit = 1 << 23

  /// The hash of each id's token; nil for ids without one.
  package private(set) var tokens: [UInt64?] = []
  /// The file that said so.
  package let file: String

  /// The id of each token; the lowest of several.
  package var ids: [UInt64: Int32] {
    var ids: [UInt64: Int32] = [:]
    ids.reserveCapacity(tokens.count)
    for (id, token) in tokens.enumerated() {
      if let token, ids[token] == nil { ids[token] = Int32(id) }
    }
    return ids
  }

  /// Whether an id stands for another token than the given one, or for none.
  ///
  /// - Parameters:
  ///   - id: The id.
  ///   - token: The token's text, as vocabularies write it.
  /// - Returns: False if it is that very token.
  package func differs(_ id: Int, _ token: String) -> Bool {
    guard tokens.indices.contains(id) else { return true }
    // Safety: the bytes are used inside the closure only.
    return unsafe Array(token.utf8).withUnsafeBytes { unsafe Hash128(of: $0).low } != tokens[id]
  }

  /// The number of ids that have a token.
  package var count: Int { tokens.count { $0 != nil } }

  /// Reads the vocabulary of a model.
  ///
  /// - Parameter directory: The model's directory.
  /// - Returns: The table; nil where there is no file that is read (`tokenizer.json`, `vocab.json`,
  ///   `vocab.txt`).
  /// - Throws: If the file is none, or longer than any vocabulary.
  package static func read(in directory: String) throws(FormatError) -> TokenTable? {
    for (name, form) in [
      ("tokenizer.json", Form.tokenizers), ("vocab.json", .map), ("vocab.txt", .lines),
    ] {
      let path = "\(directory)/\(name)"
      guard try FileStatus.of(path)?.kind == .regularFile else { continue }
      var table = TokenTable(file: path)
      try table.read(path, form)
      let added = "\(directory)/added_tokens.json"
      if form != .tokenizers, try FileStatus.of(added)?.kind == .regularFile {
        try table.read(added, .map)
      }
      return table
    }
    return nil
  }

  private enum Form { case tokenizers, map, lines }

  private init(file: String) { self.file = file }

  /// Reads a text in the format of `tokenizer.json`, for tests and fuzzing.
  package init(tokenizer text: [UInt8], file: String = "tokenizer.json") throws(FormatError) {
    self.file = file
    try read(text, file, .tokenizers)
  }

  private mutating func read(_ path: String, _ form: Form) throws(FormatError) {
    try read(
      InputFile.contents(of: path, byteLimit: TokenTable.maximumByteCount), path, form)
  }

  private mutating func read(
    _ text: [UInt8], _ path: String, _ form: Form
  ) throws(FormatError) {
    if form == .lines {
      for (id, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
        let token = line.last == 13 ? line.dropLast() : line
        if !token.isEmpty { try? put(Array(token), id) }
      }
      return
    }
    var table = self
    // Safety: the text outlives the scanner.
    let result = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(
          bytes, file: path, maximumDepth: 32, acceptsPythonNumbers: true)
        if form == .map {
          try table.readMap(&scanner)
        } else {
          try table.readTokenizer(&scanner)
        }
        try scanner.end()
      }
    }
    try result.get()
    self = table
  }

  private mutating func readTokenizer(_ scanner: inout JSONScanner) throws(FormatError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "added_tokens"), try scanner.kind() == .array {
        try readAdded(&scanner)
      } else if scanner.text(key, equals: "model"), try scanner.kind() == .object {
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          guard scanner.text(key, equals: "vocab") else {
            try scanner.skipValue()
            continue
          }
          if try scanner.kind() == .object {
            try readMap(&scanner)
          } else {
            try readList(&scanner)
          }
        }
      } else {
        try scanner.skipValue()
      }
    }
  }

  /// Tokens with their ids.
  private mutating func readMap(_ scanner: inout JSONScanner) throws(FormatError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      let token = scanner.string(of: key)
      guard case .integer(let id) = try scanner.scalar() else {
        throw scanner.refusal("a token without an id")
      }
      try put(Array(token.utf8), id, scanner)
    }
  }

  /// Tokens with their scores, in the order of their ids.
  private mutating func readList(_ scanner: inout JSONScanner) throws(FormatError) {
    var id = 0
    try scanner.beginArray()
    while try scanner.nextElement() {
      try scanner.beginArray()
      guard try scanner.nextElement() else { throw scanner.refusal("a token without a text") }
      try put(Array(try scanner.string().utf8), id, scanner)
      while try scanner.nextElement() { try scanner.skipValue() }
      id += 1
    }
  }

  private mutating func readAdded(_ scanner: inout JSONScanner) throws(FormatError) {
    try scanner.beginArray()
    while try scanner.nextElement() {
      var (id, token): (Int?, String?) = (nil, nil)
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        if scanner.text(key, equals: "id") {
          if case .integer(let number) = try scanner.scalar() { id = number }
        } else if scanner.text(key, equals: "content") {
          token = try scanner.string()
        } else {
          try scanner.skipValue()
        }
      }
      guard let id, let token else { throw scanner.refusal("an added token without id or text") }
      try put(Array(token.utf8), id, scanner)
    }
  }

  private mutating func put(
    _ token: [UInt8], _ id: Int, _ scanner: JSONScanner? = nil
  ) throws(FormatError) {
    guard id >= 0, id < TokenTable.idLimit else {
      throw scanner?.refusal("a token with the id \(id)")
        ?? FormatError.badInput("a token with the id \(id)")
    }
    if id >= tokens.count {
      tokens.append(contentsOf: repeatElement(nil, count: id + 1 - tokens.count))
    }
    // Safety: the bytes are used inside the closure only.
    tokens[id] = unsafe token.withUnsafeBytes { unsafe Hash128(of: $0).low }
  }
}

/// How a model's vocabulary goes with the base's.
package struct VocabularyComparison: Sendable, Hashable {
  /// The ids that both have, with another token in each.
  package private(set) var differing = 0
  /// The first of them.
  package private(set) var firstDiffering: Int?
  /// The ids that only the model has a token for.
  package private(set) var added = 0
  /// The ids that only the base has a token for.
  package private(set) var missing = 0
  /// The ids that have the same token in both.
  package private(set) var common = 0

  /// Compares two tables id by id.
  package init(_ model: TokenTable, with base: TokenTable) {
    for id in 0..<max(model.tokens.count, base.tokens.count) {
      let own = id < model.tokens.count ? model.tokens[id] : nil
      let other = id < base.tokens.count ? base.tokens[id] : nil
      switch (own, other) {
      case (nil, nil): break
      case (.some, nil): added += 1
      case (nil, .some): missing += 1
      case (.some(let a), .some(let b)) where a == b: common += 1
      default:
        differing += 1
        if firstDiffering == nil { firstDiffering = id }
      }
    }
  }
}
