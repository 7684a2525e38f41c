internal import SluiceCore
internal import SluiceFormats

/// Which token each row of an embedding stands for: a hash for each id, so that vocabularies of any
/// size can be compared in little memory.
package struct TokenTable: Sendable {
  /// The longest file that is read.
  package static let maximumByteCount = 96 << 20
  /// No vocabulary has higher ids.
  private static let idLimit = 1 << 23

  /// A token with its text, and with what tokenizers do around it.
  package struct Text: Sendable, Hashable {
    /// The text.
    package var text: String
    /// What is said of an added token, by names of `tokenizer.json`.
    package var flags: [String: Bool] = [:]

    /// The names of what can be said, in the order in which they are written.
    package static let flagNames = ["single_word", "lstrip", "rstrip", "normalized", "special"]

    /// Describes a token of which nothing is said.
    package init(_ text: String) { self.text = text }
  }

  /// The hash of each id's token; nil for ids without one.
  package private(set) var tokens: [UInt64?] = []
  /// The texts of those tokens that were asked for, by hash.
  package private(set) var texts: [UInt64: Text] = [:]
  /// The file that said so.
  package let file: String
  private let kept: Set<UInt64>

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
    return TokenTable.hash(of: token) != tokens[id]
  }

  /// The number of ids that have a token.
  package var count: Int { tokens.count { $0 != nil } }

  /// Makes an empty table.
  ///
  /// - Parameters:
  ///   - file: The file that it is going to be of.
  ///   - kept: The hashes of tokens whose texts are to be kept.
  init(file: String, keeping kept: Set<UInt64> = []) {
    self.file = file
    self.kept = kept
  }

  /// The hash of a token.
  package static func hash(of text: String) -> UInt64 {
    var text = text
    // Safety: the bytes are used inside the closure only.
    return text.withUTF8 { unsafe Hash128(of: UnsafeRawBufferPointer($0)).low }
  }

  /// Whether an id has a token.
  func hasToken(_ id: Int) -> Bool { tokens.indices.contains(id) && tokens[id] != nil }

  /// Gives an id a token.
  ///
  /// - Parameters:
  ///   - token: The token.
  ///   - id: Its id.
  ///   - refusal: Makes the error for an id that no vocabulary has.
  /// - Throws: That error.
  mutating func put(
    _ token: Text, _ id: Int, _ refusal: (String) -> FormatError
  ) throws(FormatError) {
    guard id >= 0, id < TokenTable.idLimit else { throw refusal("a token with the id \(id)") }
    if id >= tokens.count {
      tokens.append(contentsOf: repeatElement(nil, count: id + 1 - tokens.count))
    }
    let hash = TokenTable.hash(of: token.text)
    tokens[id] = hash
    if kept.contains(hash) { texts[hash] = token }
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
