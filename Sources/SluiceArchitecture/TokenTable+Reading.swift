internal import SluiceCore
package import SluiceFormats

/// The files that say what a model's tokens are.
extension TokenTable {
  private enum Form { case tokenizers, map, lines, pieces }

  private static let files: [(name: String, form: Form)] = [
    ("tokenizer.json", .tokenizers), ("vocab.json", .map), ("vocab.txt", .lines),
    ("tokenizer.model", .pieces),
  ]
  /// Files that say more of a vocabulary in another file.
  private static let (addedFile, configFile) = ("added_tokens.json", "tokenizer_config.json")

  /// Reads the vocabulary of a model.
  ///
  /// Tokens of `added_tokens.json` and `tokenizer_config.json` count where their ids have none yet.
  ///
  /// - Parameters:
  ///   - directory: The model's directory.
  ///   - kept: The hashes of tokens whose texts are to be kept.
  /// - Returns: The table; nil where there is no file that is read (`tokenizer.json`, `vocab.json`,
  ///   `vocab.txt`, `tokenizer.model` of sentencepiece).
  /// - Throws: If the file is none, or longer than any vocabulary.
  package static func read(
    in directory: String, keeping kept: Set<UInt64> = []
  ) throws(FormatError) -> TokenTable? {
    for (name, form) in files {
      let path = "\(directory)/\(name)"
      guard try FileStatus.of(path)?.kind == .regularFile else { continue }
      var table = TokenTable(file: path, keeping: kept)
      let text = try InputFile.contents(of: path, byteLimit: TokenTable.maximumByteCount)
      try table.read(text, path, form)
      let added = "\(directory)/\(addedFile)"
      if try FileStatus.of(added)?.kind == .regularFile {
        let text = try InputFile.contents(of: added, byteLimit: TokenTable.maximumByteCount)
        // It came before the others, and belongs to files without added tokens.
        try table.read(text, added, .map, fillsOnly: form == .tokenizers)
      }
      let config = "\(directory)/\(configFile)"
      if try FileStatus.of(config)?.kind == .regularFile {
        let text = try InputFile.contents(of: config, byteLimit: TokenTable.maximumByteCount)
        try table.addConfig(text, config)
      }
      return table
    }
    return nil
  }

  /// Reads a text in the format of `tokenizer.json`, for tests and fuzzing.
  package init(
    tokenizer text: [UInt8], file: String = "tokenizer.json", keeping kept: Set<UInt64> = []
  ) throws(FormatError) {
    self.init(file: file, keeping: kept)
    try read(text, file, .tokenizers)
  }

  /// Reads a vocabulary of sentencepiece, for tests and fuzzing.
  package init(
    pieces bytes: [UInt8], file: String = "tokenizer.model", keeping kept: Set<UInt64> = []
  ) throws(FormatError) {
    self.init(file: file, keeping: kept)
    try read(bytes, file, .pieces)
  }

  /// Adds what a text in the format of `tokenizer_config.json` says.
  package mutating func addConfig(_ text: [UInt8], _ file: String) throws(FormatError) {
    try scan(text, file) { table, scanner throws(FormatError) in
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        guard scanner.text(key, equals: "added_tokens_decoder"), try scanner.kind() == .object
        else {
          try scanner.skipValue()
          continue
        }
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          guard let id = Int(scanner.string(of: key)) else {
            throw scanner.refusal("an added token whose id is no number")
          }
          guard try scanner.kind() == .object else {
            try scanner.skipValue()
            continue
          }
          let (_, token) = try TokenTable.added(&scanner)
          guard let token, !table.hasToken(id) else { continue }
          try table.put(token, id) { scanner.refusal($0) }
        }
      }
    }
  }

  private mutating func read(
    _ text: [UInt8], _ path: String, _ form: Form, fillsOnly: Bool = false
  ) throws(FormatError) {
    switch form {
    case .lines:
      for (id, line) in text.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
        let token = line.last == 13 ? line.dropLast() : line
        if !token.isEmpty {
          try? put(Text(String(decoding: token, as: UTF8.self)), id) { .badInput($0, file: path) }
        }
      }
    case .pieces:
      var pieces = SentencePieces(text, file: path)
      while let (id, piece) = try pieces.next() {
        try put(Text(piece), id) { .badInput($0, file: path) }
      }
    case .map:
      try scan(text, path) { table, scanner throws(FormatError) in
        try table.readMap(&scanner, fillsOnly: fillsOnly)
      }
    case .tokenizers:
      try scan(text, path) { table, scanner throws(FormatError) in
        try table.readTokenizer(&scanner)
      }
    }
  }

  private mutating func scan(
    _ text: [UInt8], _ path: String,
    _ body: (inout TokenTable, inout JSONScanner) throws(FormatError) -> Void
  ) throws(FormatError) {
    var table = self
    // Safety: the text outlives the scanner.
    let result = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(
          bytes, file: path, maximumDepth: 32, acceptsPythonNumbers: true)
        try body(&table, &scanner)
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
        try scanner.beginArray()
        while try scanner.nextElement() {
          let (id, token) = try TokenTable.added(&scanner)
          guard let id, let token else {
            throw scanner.refusal("an added token without id or text")
          }
          try put(token, id) { scanner.refusal($0) }
        }
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
  private mutating func readMap(
    _ scanner: inout JSONScanner, fillsOnly: Bool = false
  ) throws(FormatError) {
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      let token = scanner.string(of: key)
      guard case .integer(let id) = try scanner.scalar() else {
        throw scanner.refusal("a token without an id")
      }
      if fillsOnly, hasToken(id) { continue }
      try put(Text(token), id) { scanner.refusal($0) }
    }
  }

  /// Tokens with their scores, in the order of their ids.
  private mutating func readList(_ scanner: inout JSONScanner) throws(FormatError) {
    var id = 0
    try scanner.beginArray()
    while try scanner.nextElement() {
      try scanner.beginArray()
      guard try scanner.nextElement() else { throw scanner.refusal("a token without a text") }
      try put(Text(try scanner.string()), id) { scanner.refusal($0) }
      while try scanner.nextElement() { try scanner.skipValue() }
      id += 1
    }
  }

  /// An added token, with what is said of it.
  private static func added(
    _ scanner: inout JSONScanner
  ) throws(FormatError) -> (id: Int?, token: Text?) {
    var (id, token): (Int?, Text?) = (nil, nil)
    var flags: [String: Bool] = [:]
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "id") {
        if case .integer(let number) = try scanner.scalar() { id = number }
      } else if scanner.text(key, equals: "content") {
        token = Text(try scanner.string())
      } else if try scanner.kind() == .bool {
        let (name, flag) = (scanner.string(of: key), try scanner.bool())
        if Text.flagNames.contains(name) { flags[name] = flag }
      } else {
        try scanner.skipValue()
      }
    }
    token?.flags = flags
    return (id, token)
  }
}
